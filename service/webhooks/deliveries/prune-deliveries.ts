import type { Database } from '../../platform/database/database.ts'
import { isRemoved } from '../receivers/removed-target.ts'

/** Deliveries that wait, or were given up, are stored so that a person can look at them, but not for ever. */
const unsettledDays = 90

const table = 'reactor_connect_service.webhook_deliveries'
const dispatches = 'reactor_connect_service.webhook_dispatches'

/**
 * Deletes old deliveries, at most `limit`; the result has as many rows. Also mends what should not happen:
 * the first dispatch of an order key that is parked although nothing is before it would wait for ever.
 */
export async function pruneDeliveries(
  database: Database,
  { days, limit }: { readonly days: number; readonly limit: number },
): Promise<readonly unknown[]> {
  await discardRemoved(database)
  await unparkFirst(database)
  return database.query(
    `DELETE FROM ${table} WHERE id IN (
       SELECT id FROM ${table} AS old
       WHERE received_at <= now() - $1 * interval '1 day'
         AND (received_at <= now() - greatest($1, $3) * interval '1 day' OR NOT EXISTS (
           SELECT FROM ${dispatches} AS dispatch
           WHERE dispatch.delivery_id = old.id AND dispatch.status IN ('pending', 'running', 'dead')))
       ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
     ) RETURNING id`,
    [days, limit, unsettledDays],
  )
}

/**
 * Discards the dispatches that wait for a target that their receiver no longer has. Most of them were
 * discarded when the target was removed (`receiver-store.ts`); the rest were on their way at that moment.
 */
async function discardRemoved(database: Database): Promise<void> {
  await database.query(
    `UPDATE ${dispatches} AS row SET status = 'discarded', ended_at = now()
     FROM reactor_connect_service.receivers AS receiver
     WHERE row.status = 'pending' AND receiver.id = row.receiver_id AND ${isRemoved}`,
  )
}

/** Makes parked dispatches due if nothing is before them. */
export async function unparkFirst(database: Pick<Database, 'query'>): Promise<void> {
  await database.query(
    `UPDATE ${dispatches} AS parked SET due_at = now()
     WHERE status = 'pending' AND due_at = 'infinity' AND NOT EXISTS (
       SELECT FROM ${dispatches} AS earlier
       WHERE (earlier.receiver_id, earlier.target, earlier.order_key)
           = (parked.receiver_id, parked.target, parked.order_key)
         AND (earlier.status = 'running' OR earlier.status = 'pending' AND earlier.seq < parked.seq))`,
  )
}
