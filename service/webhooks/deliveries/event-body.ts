import { createHash } from 'node:crypto'
import { parsePointer } from '../../../lib/text/json-pointer.ts'
import { valueAt, type JsonValue } from '../../../protocol/index.ts'
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

/** Parsed when the first place in it is asked for: many vendors say all in headers. */
export class LazyBody {
  readonly #bytes: Buffer
  #parsed: { readonly value: JsonValue | undefined } | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isJson(): boolean {
    return this.#value !== undefined
  }

  at(pointer: string): JsonValue | undefined {
    const value = this.#value
    return value === undefined ? undefined : valueAt(value, parsePointer(pointer))
  }

  get #value(): JsonValue | undefined {
    this.#parsed ??= { value: parsed(this.#bytes) }
    return this.#parsed.value
  }
}

function parsed(bytes: Buffer): JsonValue | undefined {
  try {
    return parseExactJson(bytes.toString('utf8'))
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
  const text = textOf(value) ?? JSON.stringify(value)
  if (text.length <= maxOrderKeyLength) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
