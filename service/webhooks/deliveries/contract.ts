import type { ConnectError, JsonObject } from '../../../protocol/index.ts'
import type { Page, PageRequest } from '../../platform/lists.ts'
import type { Interruption } from '../receivers/contract.ts'
import type { Delivery, DeliveryKind, DeliveryPayload, DispatchStatus } from './schema.ts'

/** An event as it came, verified. */
export interface NewDelivery {
  /** `dlv_…`; targets know the event by it. */
  readonly id: string
  readonly receiverId: string
  /** The vendor's id of the event: repetitions have the same id. */
  readonly eventId: string
  readonly eventType: string | null
  readonly kind: Exclude<DeliveryKind, 'suspicious'>
  readonly receivedAtMs: number
  /** Without the headers that prove the sender. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** SHA-256 of what the event says: see `ingress/content-hash.ts`. */
  readonly bodyHash: Buffer
  readonly dispatches: readonly { readonly target: string; readonly orderKey: string | null }[]
}

/**
 * `repeated`: the same event is stored already, with the same body; nothing was added. `conflict`: its id is
 * that of an event with another body; it was stored as suspicious, without dispatches. `unknown_receiver`: it
 * was deleted meanwhile.
 */
export type Appended = 'stored' | 'repeated' | 'conflict' | 'unknown_receiver'

/** Where events are durable. */
export interface DeliveryLog {
  /**
   * Resolves when it is durable. Throws `store_unavailable` or what Kafka throws: then the vendor must send
   * it again.
   */
  append(delivery: NewDelivery): Promise<Appended>
  /**
   * Why a delivery was not durable in time: names what did not respond. It may become durable later: the
   * vendor sends it again, and it is known then.
   */
  late(afterMs: number): ConnectError
}

/** The log in PostgreSQL, from which deliveries are listed, replayed and dispatched. */
export interface StoredDeliveryLog extends DeliveryLog {
  /**
   * A batch that another log has made durable, with a result for each. May be repeated. Throws
   * `store_unavailable`; then nothing is stored.
   */
  appendAll(batch: readonly NewDelivery[]): Promise<readonly Appended[]>
  /** The hash of the body of each event that is stored, as hex; undefined for one that is not. */
  storedHashes(
    batch: readonly Pick<NewDelivery, 'receiverId' | 'eventId'>[],
  ): Promise<readonly (string | undefined)[]>
}

export interface DeliveryFilter {
  readonly receiver?: string
  readonly status?: DispatchStatus
  readonly kind?: DeliveryKind
  readonly eventType?: string
  readonly eventId?: string
  readonly target?: string
  /** ISO 8601; inclusive and exclusive. */
  readonly since?: string
  readonly until?: string
}

export interface DeliveryStore {
  /** Newest first. Throws `receiver_not_found`. */
  list(page: PageRequest & DeliveryFilter): Promise<Page<Delivery>>
  /** Throws `delivery_not_found`. */
  get(receiver: string, id: string): Promise<DeliveryPayload>
  /**
   * Makes dispatches pending again that are done, dead or discarded; oldest first, and behind those of their
   * order key that wait already. A present target of the receiver that has none gets one, unless a status is
   * given. Throws `receiver_not_found`.
   */
  replay(selected: DeliverySelection): Promise<ChangedDeliveries>
  /** Dead ones only: nobody has to look at them any more. Throws `receiver_not_found`. */
  discard(selected: DeliverySelection): Promise<ChangedDeliveries>
}

export interface DeliverySelection extends DeliveryFilter {
  readonly ids?: readonly string[]
  /** The `next` of the call before. */
  readonly after?: string
  /** Deliveries that are looked at. Default 500. */
  readonly limit?: number
}

export interface ChangedDeliveries {
  /** Dispatches: a delivery has one for each target. */
  readonly count: number
  /** There are more: call again with it as `after`. null: there are none. */
  readonly next: string | null
}

/**
 * The dispatches that the dispatcher claims and settles. Several processes may use the store at the same
 * time.
 */
export interface DispatchStore {
  /**
   * At most `limit` that are due, of receivers that are not paused and targets that are not interrupted. A
   * target that is due for a try after an interruption gets a single one. Among those with the same receiver,
   * target and order key, only the first that is not settled is claimed. They are this owner's for `leaseMs`;
   * then another may take them. Targets take turns, and within a target its receivers.
   */
  claim(owner: string, options: ClaimOptions): Promise<readonly ClaimedDispatch[]>
  /** Makes the dispatches of other owners due at once: those owners no longer exist. */
  takeOver(): Promise<void>
  /** Ignores those that another owner has taken meanwhile. Durable when it resolves. */
  settle(owner: string, settled: readonly SettledDispatch[]): Promise<void>
  /** Those of the targets to which nothing is sent at present, because they failed. */
  interruptions(targets: readonly string[]): Promise<ReadonlyMap<string, Interruption>>
  /** When the next one becomes due, in ms from now; null: none waits. */
  nextDueMs(): Promise<number | null>
  /** Calls back when something may be due, in any process. */
  onDue(due: () => void): Disposable
}

export interface ClaimOptions {
  readonly limit: number
  readonly leaseMs: number
  /** How many the owner works on at once for one target. Default: `limit`. */
  readonly perTarget?: number
  /** The same for `stream:` and `topic:`, which take what is due in one go. Default: `perTarget`. */
  readonly perBatchedTarget?: number
  /** How many of these it has already, by target. */
  readonly busy?: ReadonlyMap<string, number>
  /**
   * How many of `limit` are only for targets for which it has none, and that did not fail last: targets that
   * are slow or do not respond never take all.
   */
  readonly reserved?: number
  /**
   * Targets that took an event last. Default: all. The others may not respond, and hold what they get until
   * its time is up.
   */
  readonly proven?: ReadonlySet<string>
  /** How many the owner works on at once for one target that is not proven. Default: `perTarget`. */
  readonly perUnprovenTarget?: number
  /** The same for all of them together. `stream:` and `topic:` do not count. Default: no bound. */
  readonly unproven?: number
}

export interface ClaimedDispatch {
  readonly seq: string
  readonly target: string
  readonly orderKey: string | null
  /** 1 for the first. */
  readonly attempt: number
  readonly receiver: {
    readonly id: string
    readonly name: string
    readonly webhook: string | null
    readonly instance: string | null
    /** Counts up with each change of its secrets in the vault. */
    readonly secretVersion: number
  }
  readonly delivery: Pick<
    NewDelivery,
    'id' | 'eventId' | 'eventType' | 'headers' | 'body' | 'kind'
  > & {
    readonly receivedAt: string
  }
}

/** `isTargetDown`: the target as a whole does not work: it counts for its circuit breaker. */
export type SettledDispatch = { readonly seq: string; readonly target: string } & (
  | { readonly outcome: 'done' }
  | {
      readonly outcome: 'retry'
      readonly delayMs: number
      readonly error: JsonObject
      readonly isTargetDown: boolean
    }
  | { readonly outcome: 'dead'; readonly error: JsonObject; readonly isTargetDown: boolean }
  /** It was not tried after all, which is no attempt: another process may take it at once. */
  | { readonly outcome: 'released' }
  /** As `released`, because nothing can go to the target at all: it is interrupted for `delayMs`. */
  | { readonly outcome: 'unavailable'; readonly delayMs: number; readonly error: JsonObject }
)

/** Events of webhooks on their way to targets; an event counts once for each target. */
export interface WebhookStatus {
  /** Not settled: waiting, or on their way. */
  readonly waiting: number
  /** How long ago the oldest of them was received. */
  readonly oldestWaitingSeconds: number
  /** Given up, and neither replayed nor discarded. */
  readonly dead: number
  /** Targets to which nothing is sent for a time, because they do not work. */
  readonly interruptedTargets: number
}
