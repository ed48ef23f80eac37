import type { JsonValue } from '../../../protocol/index.ts'
import type { NewDelivery } from '../deliveries/contract.ts'

/** A request to the address of a receiver: nothing has parsed its body. */
export interface IncomingDelivery {
  /** The token from the path, decoded. */
  readonly token: string
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** Called with the work that holds the body in memory, which may go on after the response. */
  readonly holdFor?: (work: Promise<unknown>) => void
}

export interface ReceivedDelivery {
  /** Name of the receiver. */
  readonly receiver: string
  /** The id of the delivery; a repeated delivery does not have the id of the first. */
  readonly id: string
  readonly eventId: string
  readonly kind: NewDelivery['kind']
  readonly isRepeated: boolean
  /** The properties that the vendor expects in the response; empty for events. */
  readonly answer: Readonly<Record<string, string>>
}

/** Where deliveries come in: read this first, then `receive-delivery.ts`. */
export interface IngressService {
  /** Largest body. */
  readonly maxBytes: number
  /**
   * Durable when it resolves. `address`: the network that it came from, for the limit of refusals. Throws
   * `delivery_refused`, `delivery_outside_window`, `delivery_malformed`, `delivery_conflict`, `rate_limited`,
   * `ingress_unavailable`.
   */
  receive(incoming: IncomingDelivery, address: string): Promise<ReceivedDelivery>
  /**
   * Makes a delivery as the sender of the receiver would, signs it with its secret, and takes it in as a
   * `test`. `body`: of the event; default: a small one that has what the rules want. Throws
   * `receiver_not_found`, `receiver_secret_invalid` if it has no secret, and what `receive` throws.
   */
  sendTest(receiver: string, body?: JsonValue): Promise<ReceivedDelivery>
}
