import { beginningOf, ConnectError, type JsonValue } from '../../../protocol/index.ts'
import { dispatchesIn, LazyBody, textOf } from '../deliveries/event-body.ts'
import type { Dispatch } from '../receivers/schema.ts'
import type { IngressRules } from './ingress-rules.ts'

/** Longer ids are a mistake; a number of that length too. */
const maxIdLength = 500
/** The maximum length of a type: it is for people and filters. */
const maxTypeLength = 200
/** The facts that a genuine delivery states about itself. */
export interface ReadEvent {
  readonly eventId: string
  readonly eventType: string | null
  readonly dispatches: readonly { readonly target: string; readonly orderKey: string | null }[]
  /** The properties of the response to a handshake; undefined if it is an event. */
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
  const valueAt = (place: string): JsonValue | undefined =>
    place.startsWith('header:') ? written.header(place.slice('header:'.length)) : body.at(place)
  const typeText = eventType === null ? undefined : textOf(valueAt(eventType))
  const type = typeText === undefined ? null : beginningOf(typeText, maxTypeLength)
  const handshake = handshakes.find(({ when }) => valueAt(when.at) === when.is)
  if (handshake !== undefined) {
    const answer = Object.entries(handshake.answer).map(
      ([name, pointer]) => [name, textOf(body.at(pointer)) ?? ''] as const,
    )
    const id = usableId(valueAt(eventId)) ?? `sha256:${written.bodyHash.toString('hex')}`
    const named = type ?? handshake.when.is
    return { eventId: id, eventType: named, dispatches: [], answer: Object.fromEntries(answer) }
  }
  if (eventId.startsWith('/') && !body.isJson)
    throw malformed('its body is not JSON, and the id of the event stands in it')
  const value = valueAt(eventId)
  const id = usableId(value)
  if (id === undefined) throw malformed(idProblem(value, eventId))
  const dispatches = dispatchesIn(body, dispatch)
  return { eventId: id, eventType: type, dispatches, answer: undefined }
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

export function malformed(reason: string): ConnectError {
  return new ConnectError('delivery_malformed', { details: { reason } })
}
