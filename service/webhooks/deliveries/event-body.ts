import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { parsePointer } from '../../../lib/text/json-pointer.ts'
import { isJsonList, isJsonObject, valueAt, type JsonValue } from '../../../protocol/index.ts'
import { isRawJson, parseExactJson } from '../../../protocol/exact-json.ts'
import type { Dispatch } from '../receivers/schema.ts'
import type { NewDelivery } from './contract.ts'

/** A longer key is replaced by its hash: an index holds it. */
const maxOrderKeyLength = 200

/** Where an event with this body goes, and in which order. */
export function dispatchesOf(
  bytes: Buffer,
  dispatch: readonly Dispatch[],
): NewDelivery['dispatches'] {
  return dispatchesIn(new LazyBody(bytes), dispatch)
}

/** The same for a body that has been looked at. */
export function dispatchesIn(
  body: LazyBody,
  dispatch: readonly Dispatch[],
): NewDelivery['dispatches'] {
  return dispatch.map(({ target, orderBy }) => ({
    target,
    orderKey: orderBy === undefined ? null : orderKeyOf(body.at(orderBy)),
  }))
}

const formPrefix = 'form:'

/**
 * The pointer of a place in a form, as if the form were an object; undefined if the place is none:
 * `form:payload/user/id` -> `/payload/user/id`.
 */
export function pointerInForm(place: string): string | undefined {
  return place.startsWith(formPrefix) ? `/${place.slice(formPrefix.length)}` : undefined
}

/** Parsed when the first place in it is asked for: many vendors say all in headers. */
export class LazyBody {
  readonly #bytes: Buffer
  #fields: URLSearchParams | undefined
  #parsed: { readonly value: JsonValue | undefined } | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isJson(): boolean {
    return this.#value !== undefined
  }

  /**
   * At a JSON pointer, or in a field of a form (`form:NAME`, and a pointer behind it if the field holds
   * JSON).
   */
  at(place: string): JsonValue | undefined {
    const inForm = pointerInForm(place)
    if (inForm !== undefined) return this.#atField(parsePointer(inForm))
    const value = this.#value
    return value === undefined ? undefined : valueAt(value, parsePointer(place))
  }

  /** The place says that the body is a form, not its content type, which no signature covers. */
  #atField([name = '', ...path]: readonly string[]): JsonValue | undefined {
    this.#fields ??= new URLSearchParams(this.#text())
    const text = this.#fields.get(name) ?? undefined
    if (text === undefined || path.length === 0) return text
    const value = parsed(text)
    return value === undefined ? undefined : valueAt(value, path)
  }

  get #value(): JsonValue | undefined {
    this.#parsed ??= { value: parsed(this.#text()) }
    return this.#parsed.value
  }

  /** Byte by byte if it is not UTF-8: ids that differ stay different. */
  #text(): string {
    return this.#bytes.toString(isUtf8(this.#bytes) ? 'utf8' : 'latin1')
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseExactJson(text)
  } catch {
    return undefined // Also nested too deeply: a RangeError.
  }
}

/** A text, or a number with its digits. */
export function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return isRawJson(value) ? value.rawJSON : undefined
}

/** Null if there is no such value: then the order does not matter. */
function orderKeyOf(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return null
  const text = textOf(value) ?? nestedText(value)
  if (text.length <= maxOrderKeyLength) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** Text of JSON that the program writes, beside values of the body. */
class Punctuation {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

const comma = new Punctuation(',')

/**
 * As JSON.stringify writes it, but without recursion: the body of a delivery may be nested deeper than the
 * stack.
 */
function nestedText(root: JsonValue): string {
  const written: string[] = []
  const open: (JsonValue | Punctuation)[] = [root]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next instanceof Punctuation) written.push(next.text)
    else for (const part of partsOf(next).toReversed()) open.push(part)
  }
  return written.join('')
}

/** The parts of a value in their order. */
function partsOf(value: JsonValue): readonly (JsonValue | Punctuation)[] {
  if (isJsonList(value)) {
    const items = value.flatMap((item) => [comma, item])
    return [new Punctuation('['), ...items.slice(1), new Punctuation(']')]
  }
  if (!isJsonObject(value) || isRawJson(value)) return [new Punctuation(JSON.stringify(value))]
  const properties = Object.entries(value).flatMap(([name, inner]) => [
    comma,
    new Punctuation(`${JSON.stringify(name)}:`),
    inner,
  ])
  return [new Punctuation('{'), ...properties.slice(1), new Punctuation('}')]
}
