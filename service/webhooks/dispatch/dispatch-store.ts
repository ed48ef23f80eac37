import type {
  ClaimedDispatch,
  ClaimOptions,
  DispatchStore,
  SettledDispatch,
} from '../deliveries/contract.ts'
import type { Database } from '../../platform/database/database.ts'
import type { Interruption } from '../receivers/contract.ts'
import { receiverChannel } from '../receivers/receiver-store.ts'
import { claimDispatches } from './claim-dispatches.ts'
import { settleDispatches } from './settle-dispatches.ts'
import { dispatchChannel } from '../deliveries/append-deliveries.ts'
import { readInterruptions } from './webhook-targets.ts'
import { dispatches, unsettled, waitingPairs } from './waiting-pairs.ts'

/** Calls back after each notification, and after some may have been missed. */
export interface Listener {
  onChange(channel: string, changed: () => void): Disposable
}

/** The clock of the database decides which dispatches are due. */
export class PostgresDispatchStore implements DispatchStore {
  readonly #database: Database
  readonly #listener: Listener

  constructor(database: Database, listener: Listener) {
    this.#database = database
    this.#listener = listener
  }

  claim(owner: string, options: ClaimOptions): Promise<readonly ClaimedDispatch[]> {
    return claimDispatches(this.#database, owner, options)
  }

  async takeOver(): Promise<void> {
    await this.#database.query(
      `WITH tried AS (
         UPDATE reactor_connect_service.webhook_targets SET open_until = now()
         WHERE probe IS NOT NULL AND open_until > now()
       ) UPDATE ${dispatches} SET due_at = now() WHERE status = 'running' AND due_at > now()`,
    )
  }

  settle(owner: string, settled: readonly SettledDispatch[]): Promise<void> {
    return settleDispatches(this.#database, owner, settled)
  }

  interruptions(targets: readonly string[]): Promise<ReadonlyMap<string, Interruption>> {
    return readInterruptions(this.#database, targets)
  }

  /** A receiver and target cost two looks into the index. */
  async nextDueMs(): Promise<number | null> {
    const [row] = await this.#database.query<{ due_ms: number | null }>(
      `WITH RECURSIVE ${waitingPairs}
       SELECT extract(epoch FROM min(greatest(row.due_at, interrupted.open_until)) - now())::float8
         * 1000 AS due_ms
       FROM pairs
       JOIN reactor_connect_service.receivers AS receiver
         ON receiver.id = pairs.receiver_id AND receiver.status = 'active'
       LEFT JOIN reactor_connect_service.webhook_targets AS interrupted
         ON interrupted.target = pairs.target
       CROSS JOIN LATERAL (
         SELECT due_at FROM ${dispatches} AS row
         WHERE row.receiver_id = pairs.receiver_id AND row.target = pairs.target
           AND row.${unsettled} AND row.due_at < 'infinity'
         ORDER BY row.due_at LIMIT 1
       ) AS row`,
    )
    const dueMs = row?.due_ms ?? null
    return dueMs === null ? null : Math.max(0, dueMs)
  }

  /** A receiver may have been resumed. */
  onDue(due: () => void): Disposable {
    const subscriptions = new DisposableStack()
    for (const channel of [dispatchChannel, receiverChannel])
      subscriptions.use(this.#listener.onChange(channel, due))
    return subscriptions
  }
}
