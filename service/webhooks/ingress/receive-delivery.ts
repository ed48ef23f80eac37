import { ConnectError, isJsonObject } from '../../../protocol/index.ts'
import { newId } from '../../platform/database/ids.ts'
import type { DeliveryLog, NewDelivery } from '../deliveries/contract.ts'
import type { hmacOf } from '../signature/hmac.ts'
import type { SignatureProblem } from '../signature/verify.ts'
import type { IncomingDelivery, ReceivedDelivery } from './contract.ts'
import { contentHash } from './content-hash.ts'
import { headerOf, keptHeaders } from './kept-headers.ts'
import { malformed, readEvent } from './read-event.ts'
import type { IngressReceiver } from './receiver-directory.ts'
import { verifyEvenly } from './verify-evenly.ts'
import { parseExactJson } from '../../../protocol/exact-json.ts'

/** Ids of tests begin with it, and no others do: the event itself may come after a test with its body. */
const testPrefix = 'reactor.connect.test:'

export interface IngressDeps {
  readonly log: Pick<DeliveryLog, 'append'>
  now(): number
  /** Called for a genuine delivery before it is parsed; throws to refuse it. */
  readonly admit?: (receiver: IngressReceiver) => void
  /** Default: `event`, or `handshake` if it is one. */
  readonly kind?: 'test'
  /** Default: `hmacOf`. */
  readonly hmac?: typeof hmacOf
}

/**
 * Checks a delivery and makes it durable: signature, window, then what it says. Only a genuine one is parsed.
 * `receiver`: undefined if no one has the token. Throws `delivery_refused`, `delivery_outside_window`,
 * `delivery_malformed`, `delivery_conflict`, and what the log throws.
 */
export async function receiveDelivery(
  receiver: IngressReceiver | undefined,
  { rawHeaders, body: sent }: Omit<IncomingDelivery, 'token'>,
  deps: IngressDeps,
): Promise<ReceivedDelivery> {
  const { log, admit, kind, hmac } = deps
  const nowMs = deps.now()
  const header = (name: string): string | undefined => headerOf(rawHeaders, name)
  const options = { nowMs, ...(hmac !== undefined && { hmac }) }
  const problem = verifyEvenly(receiver, { header, body: sent }, options)
  if (receiver === undefined || problem !== undefined) throw refusalOf(receiver, problem)
  admit?.(receiver)
  const { id: receiverId, name, rules, dispatch } = receiver
  const { body, headers } = eventIn(sent, {
    headers: keptHeaders(rawHeaders, rules.signature.header),
    formField: rules.formField,
  })
  const bodyHash = contentHash(body, rules.perDelivery)
  const event = readEvent(rules, dispatch, { header, body, bodyHash })
  const delivery: NewDelivery = {
    id: newId('dlv'),
    receiverId,
    eventId: storedId(event.eventId, kind),
    eventType: event.eventType,
    kind: event.answer === undefined ? (kind ?? 'event') : 'handshake',
    receivedAtMs: nowMs,
    headers,
    body,
    bodyHash,
    dispatches: event.dispatches,
  }
  const appended = await log.append(delivery)
  if (appended === 'unknown_receiver') throw new ConnectError('delivery_refused')
  if (appended === 'conflict') throw new ConnectError('delivery_conflict')
  const { id, eventId, kind: received } = delivery
  const isRepeated = appended === 'repeated'
  return { receiver: name, id, eventId, kind: received, isRepeated, answer: event.answer ?? {} }
}

/** If it was signed with the secret, its sender knows that the receiver exists. */
function refusalOf(
  receiver: IngressReceiver | undefined,
  problem: SignatureProblem | undefined,
): ConnectError {
  if (problem === 'timestamp_outside_window') return new ConnectError('delivery_outside_window')
  if (receiver !== undefined && problem === 'id_ambiguous')
    return malformed(ambiguousId(receiver.rules.signature))
  return new ConnectError('delivery_refused')
}

function ambiguousId({ idHeader, signed }: IngressReceiver['rules']['signature']): string {
  return `its id, in the header ${idHeader ?? ''}, has the separator of the signed text ${signed}, so it is unknown where the id ends; send ids without it`
}

function storedId(eventId: string, kind: IngressDeps['kind']): string {
  if (kind === 'test') return `${testPrefix}${eventId}`
  if (!eventId.startsWith(testPrefix)) return eventId
  throw malformed(`its id begins with ${testPrefix}, which is for test deliveries`)
}

interface SentEvent {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The event of a genuine delivery: if the vendor wrote its JSON into a field of a form, that JSON, so that
 * all that look at bodies find it. The body says whether it is a form, not its content type, which no
 * signature covers.
 */
function eventIn(
  sent: Buffer,
  {
    headers,
    formField,
  }: { readonly headers: SentEvent['headers']; readonly formField: string | undefined },
): SentEvent {
  if (formField === undefined || !sent.subarray(0, formField.length + 1).equals(start(formField)))
    return { body: sent, headers }
  const text = new URLSearchParams(sent.toString('utf8')).get(formField)
  if (text === null || !saysObject(text)) return { body: sent, headers }
  return { body: Buffer.from(text), headers: { ...headers, 'content-type': 'application/json' } }
}

function start(formField: string): Buffer {
  return Buffer.from(`${formField}=`)
}

function saysObject(text: string): boolean {
  try {
    return isJsonObject(parseExactJson(text))
  } catch {
    return false // Also nested too deeply: a RangeError.
  }
}
