import { createHash } from 'node:crypto'
import { parsePointer } from '../../../lib/text/json-pointer.ts'
import { ConnectError, valueAt, type JsonValue } from '../../../protocol/index.ts'
import { isRawJson, parseExactJson } from '../../../protocol/exact-json.ts'
import type { Dispatch } from '../receivers/schema.ts'
import type { IngressRules } from './ingress-rules.ts'

/** Longer ids are a mistake; a number of that length too. */
const maxIdLength = 500
/** Of a type: it is for people and filters. */
const maxTypeLength = 200
/** A longer key is replaced by its hash: an index holds it. */
const maxOrderKeyLength = 200

/** What a genuine delivery says about itself. */
export interface ReadEvent {
  readonly eventId: string
  readonly eventType: string | null
  readonly dispatches: readonly { readonly target: string; readonly orderKey: string | null }[]
  /** The properties of the answer to a handshake; undefined if it is an event. */
  readonly answer: Readonly<Record<string, string>> | undefined
}

export interface Written {
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
  readonly bodyHash: Buffer
}

/** Throws `delivery_malformed`. Numbers keep their digits: an id beyond 2^53 is that id. */
export function readEvent(
  { eventId, eventType, handshakes }: IngressRules,
  dispatch: readonly Dispatch[],
  written: Written,
): ReadEvent {
  const body = new LazyBody(written.body)
  const at = (place: string): JsonValue | undefined =>
    place.startsWith('header:') ? written.header(place.slice('header:'.length)) : body.at(place)
  const typeText = eventType === null ? undefined : textOf(at(eventType))
  const type = typeText?.slice(0, maxTypeLength) ?? null
  const handshake = handshakes.find(({ when }) => at(when.at) === when.is)
  if (handshake !== undefined) {
    const answer = Object.entries(handshake.answer).map(
      ([name, pointer]) => [name, textOf(body.at(pointer)) ?? ''] as const,
    )
    const id = usableId(at(eventId)) ?? `sha256:${written.bodyHash.toString('hex')}`
    const named = type ?? handshake.when.is
    return { eventId: id, eventType: named, dispatches: [], answer: Object.fromEntries(answer) }
  }
  if (eventId.startsWith('/') && !body.isJson)
    throw malformed('its body is not JSON, and the id of the event stands in it')
  const value = at(eventId)
  const id = usableId(value)
  if (id === undefined) throw malformed(idProblem(value, eventId))
  const dispatches = dispatchesIn(body, dispatch)
  return { eventId: id, eventType: type, dispatches, answer: undefined }
}

/** Where an event with this body goes, and in which order. */
export function dispatchesOf(
  bytes: Buffer,
  dispatch: readonly Dispatch[],
): ReadEvent['dispatches'] {
  return dispatchesIn(new LazyBody(bytes), dispatch)
}

function dispatchesIn(body: LazyBody, dispatch: readonly Dispatch[]): ReadEvent['dispatches'] {
  return dispatch.map(({ target, orderBy }) => ({
    target,
    orderKey: orderBy === undefined ? null : orderKeyOf(body.at(orderBy)),
  }))
}

/** Parsed when the first place in it is asked for: many vendors say all in headers. */
class LazyBody {
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

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return isRawJson(value) ? value.rawJSON : undefined
}

function usableId(value: JsonValue | undefined): string | undefined {
  const text = textOf(value)
  return text === undefined || text === '' || text.length > maxIdLength ? undefined : text
}

function idProblem(value: JsonValue | undefined, place: string): string {
  if (value === undefined) return `it has no id at ${place}`
  const text = textOf(value)
  if (text === undefined) return `its id at ${place} is neither a text nor a number`
  if (text === '') return `its id at ${place} is empty`
  return `its id at ${place} is longer than ${String(maxIdLength)} characters`
}

/** Null if there is no such value: then the order does not matter. */
function orderKeyOf(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return null
  const text = textOf(value) ?? JSON.stringify(value)
  if (text.length <= maxOrderKeyLength) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

function malformed(reason: string): ConnectError {
  return new ConnectError('delivery_malformed', { details: { reason } })
}
