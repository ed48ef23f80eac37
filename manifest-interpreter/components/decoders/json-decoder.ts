import { parseResponseJson } from '../../value/json.ts'
import { joined, readHead } from '../../http/body-head.ts'
import { isDict } from '../../value/dict.ts'
import { truth } from '../../value/truth.ts'
import { elementsAt } from './elements-at.ts'
import { keyPath } from './json-path.ts'
import { responseJson } from './response-json.ts'
import type { Decoder } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PageDecoder } from './page-decoder.ts'
import type { ReportUnreadable } from './unreadable-response.ts'
import type { Value } from '../../value/value.ts'

/** A body that is larger is read piece by piece if that is possible: see `PathDecoder`. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024

/**
 * A decoder that can give what stands at a path of keys without holding the body.
 *
 * The rule: a body is read piece by piece if it is larger than 8 MB, the extractor looks at a fixed path of
 * keys (`allowPieces`), and nobody called `keepWhole`. A paginator whose templates look at `response` does
 * that when it is built. A small body that is broken is an empty one, as with the reference, and one whose
 * connection breaks is asked for again; a large one is an error when the break is reached, since records
 * before it have gone already.
 */
export interface PathDecoder extends PageDecoder {
  /**
   * Announces, before anything is read, that `whole` will be called. `seen`: the keys of objects that are
   * looked at; undefined for all.
   */
  keepWhole(seen?: () => ReadonlySet<string> | undefined): void
  /** Says that the body is read by `decodeAt` only, with these keys. */
  allowPieces(keys: readonly string[]): void
  /** True if a value of `decode` or `decodeAt` is, or may be, seen by others too. */
  readonly isKept: boolean
  /** How much of a body must have arrived before it is decoded. */
  readonly aheadBytes: number
  /**
   * Batches of the values that `select` finds in the body. From a batch of values of `decode` it selects
   * those at the keys: the elements of an array, or the one value there.
   */
  decodeAt(
    response: HttpResponse,
    keys: readonly string[],
    select: (bodies: readonly Value[]) => readonly Value[],
  ): AsyncIterable<readonly Value[]>
}

export function isPathDecoder(decoder: Decoder): decoder is PathDecoder {
  return 'decodeAt' in decoder
}

/**
 * JsonDecoder: the elements of a list, or the one value. A body that is not JSON is an empty dict, and
 * reported, as is a value without records.
 */
export function jsonDecoder(report?: ReportUnreadable): PathDecoder {
  const values = new WeakMap<HttpResponse, Promise<Value>>()
  let keepsWhole = false
  let readsPieces = false
  /** Under which key the records are, if it is known. */
  let recordsKey: string | undefined
  const viewers: (() => ReadonlySet<string> | undefined)[] = []
  let isKept: boolean | undefined
  const valueOf = (body: Uint8Array, response: HttpResponse): Value => {
    const value = response.plainJson ?? responseJson(body)
    if (value === undefined) report?.(response, { format: 'JSON', body })
    else if (isNothing(value)) report?.(response, { value })
    return value ?? {}
  }
  const whole = (response: HttpResponse) => {
    const known = values.get(response)
    if (known !== undefined) return known
    const value = response.bytes().then((body) => valueOf(body, response))
    values.set(response, value)
    return value
  }
  return {
    streams: false,
    supportsPagination: true,
    whole,
    async *decode(response) {
      yield bodiesOf(await whole(response))
    },
    keepWhole: (seen) => {
      keepsWhole = true
      viewers.push(seen ?? (() => undefined))
    },
    allowPieces: (keys) => {
      readsPieces = true
      ;[recordsKey] = keys
    },
    get isKept() {
      isKept ??= viewers.some((seen) => mayInclude(seen(), recordsKey))
      return isKept
    },
    get aheadBytes() {
      return readsPieces && !keepsWhole ? MAX_WHOLE_BYTES : Number.POSITIVE_INFINITY
    },
    async *decodeAt(response, keys, select) {
      if (keepsWhole || values.has(response)) {
        yield select(bodiesOf(await whole(response)))
        return
      }
      const { head, rest } = await readHead(response.stream(), MAX_WHOLE_BYTES)
      if (rest === null) {
        yield select(bodiesOf(valueOf(head, response)))
        return
      }
      const bytes = joined(head, rest)
      if (firstCharacter(head) !== '[') {
        yield* elementsAt(bytes, { path: keyPath(keys), parse: parseResponseJson })
        return
      }
      const bodies = elementsAt(bytes, { path: keyPath([]), parse: parseResponseJson })
      for await (const batch of bodies) yield select(batch)
    },
  }
}

function mayInclude(seen: ReadonlySet<string> | undefined, key: string | undefined): boolean {
  return seen === undefined || key === undefined || seen.has(key)
}

/**
 * `null`, `false`, zero, and an empty text. Empty objects and lists are how APIs say that there are no
 * records.
 */
function isNothing(value: Value): boolean {
  return !truth(value) && !Array.isArray(value) && !isDict(value)
}

function bodiesOf(value: Value): readonly Value[] {
  if (!Array.isArray(value)) return [value]
  return value.length > 0 ? value : [{}]
}

function firstCharacter(bytes: Uint8Array): string {
  const blank = bytes.findIndex((byte) => byte !== 32 && byte !== 9 && byte !== 10 && byte !== 13)
  return blank < 0 ? '' : String.fromCharCode(bytes[blank] ?? 0)
}
