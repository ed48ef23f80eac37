import { createHash } from 'node:crypto'
import type { hmacOf } from '../signature/hmac.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { newId } from '../../platform/database/ids.ts'
import type { DeliveryLog, NewDelivery } from '../deliveries/contract.ts'
import { headerOf, keptHeaders } from './kept-headers.ts'
import { readEvent } from './read-event.ts'
import type { IngressReceiver, ReceiverDirectory } from './receiver-directory.ts'
import { verifyEvenly } from './verify-evenly.ts'

/** A request to the address of a receiver: nothing has parsed its body. */
export interface IncomingDelivery {
  /** What stands at its place in the path, decoded. */
  readonly token: string
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface ReceivedDelivery {
  readonly receiver: IngressReceiver
  /** Of the delivery; of a repeated one it is not the id of the first. */
  readonly id: string
  readonly kind: NewDelivery['kind']
  readonly isRepeated: boolean
  /** What the vendor wants to read; empty for events. */
  readonly answer: Readonly<Record<string, string>>
}

export interface IngressDeps {
  readonly directory: ReceiverDirectory
  readonly log: DeliveryLog
  now(): number
  /** Called for each genuine delivery before it is stored; throws to refuse it. */
  readonly admit?: (receiver: IngressReceiver) => void
  /** Default: `event`, or `handshake` if the vendor tries the address. */
  readonly kind?: 'test'
  /** Default: `hmacOf`. */
  readonly hmac?: typeof hmacOf
}

/**
 * Checks a delivery and makes it durable: token, signature, window, then what it says. Only a genuine one is parsed. Throws
 * `delivery_refused`, `delivery_outside_window`, `delivery_malformed`, `delivery_conflict`, `store_unavailable` while the receivers cannot be
 * read, and what the log throws.
 */
export async function receiveDelivery(
  { token, rawHeaders, body }: IncomingDelivery,
  { directory, log, now, admit, kind, hmac }: IngressDeps,
): Promise<ReceivedDelivery> {
  const receivedAtMs = now()
  const receiver = directory.find(token, receivedAtMs)
  const header = (name: string): string | undefined => headerOf(rawHeaders, name)
  const options = { nowMs: receivedAtMs, ...(hmac !== undefined && { hmac }) }
  const problem = verifyEvenly(receiver, { header, body }, options)
  if (receiver === undefined || problem !== undefined) throw refusal(problem, directory)
  admit?.(receiver)
  const { id: receiverId, rules, dispatch } = receiver
  const bodyHash = createHash('sha256').update(body).digest()
  const event = readEvent(rules, dispatch, { header, body, bodyHash })
  const delivery: NewDelivery = {
    id: newId('dlv'),
    receiverId,
    eventId: event.eventId,
    eventType: event.eventType,
    kind: event.answer === undefined ? (kind ?? 'event') : 'handshake',
    receivedAtMs,
    headers: keptHeaders(rawHeaders, rules.signature.header),
    body,
    bodyHash,
    dispatches: event.dispatches,
  }
  const appended = await log.append(delivery)
  if (appended === 'unknown_receiver') throw new ConnectError('delivery_refused')
  if (appended === 'conflict') throw new ConnectError('delivery_conflict')
  return {
    receiver,
    id: delivery.id,
    kind: delivery.kind,
    isRepeated: appended === 'repeated',
    answer: event.answer ?? {},
  }
}

function refusal(
  problem: ReturnType<typeof verifyEvenly>,
  directory: ReceiverDirectory,
): ConnectError {
  // It was signed with the secret: its sender knows that the receiver exists.
  if (problem === 'timestamp_outside_window') return new ConnectError('delivery_outside_window')
  if (directory.isComplete()) return new ConnectError('delivery_refused')
  const reason = 'the webhook receivers or their secrets cannot be read at the moment'
  return new ConnectError('store_unavailable', { details: { reason } })
}
