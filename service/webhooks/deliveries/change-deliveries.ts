import type { Database, Row, Session } from '../../platform/database/database.ts'
import { isRemoved } from '../receivers/removed-target.ts'
import type { Dispatch } from '../receivers/schema.ts'
import { dispatchesOf } from './event-body.ts'
import { dispatchChannel } from './append-deliveries.ts'
import type { ChangedDeliveries, DeliverySelection } from './contract.ts'
import { unparkFirst } from './prune-deliveries.ts'
import { conditionsOf } from './selected-deliveries.ts'

const standardLimit = 500
const dispatches = 'reactor_connect_service.webhook_dispatches'
const settled = `status IN ('done', 'dead', 'discarded')`
/** Whether the receiver of a dispatch `row` still has its target. */
const isTargetPresent = `EXISTS (
  SELECT FROM reactor_connect_service.receivers AS receiver
  WHERE receiver.id = row.receiver_id AND NOT ${isRemoved})`

/** In one transaction: all of the call, or nothing. */
export async function replayDeliveries(
  database: Database,
  selected: DeliverySelection,
): Promise<ChangedDeliveries> {
  return database.transaction(async (session) => {
    const isWhole = selected.status === undefined
    // A delivery that never went to the target is selected too.
    const { target, ...others } = selected
    const wanted = isWhole ? others : selected
    const { ids, next } = await selectDeliveries(session, wanted, `kind IN ('event', 'test')`)
    const again =
      selected.status === 'pending'
        ? await hasten(session, ids, selected)
        : await replaySettled(session, ids, selected)
    const added = isWhole ? await addMissing(session, ids, target) : 0
    if (again + added > 0) await session.query(`SELECT pg_notify('${dispatchChannel}', '')`)
    return { count: again + added, next }
  })
}

/** Those that wait for their next attempt have it now. */
async function hasten(
  session: Session,
  ids: readonly string[],
  { target }: DeliverySelection,
): Promise<number> {
  const rows = await session.query(
    `UPDATE ${dispatches} AS row SET due_at = now()
     WHERE delivery_id = ANY($1) AND status = 'pending' AND due_at < 'infinity'
       AND target = coalesce($2, target) AND ${isTargetPresent}
     RETURNING seq`,
    [ids, target ?? null],
  )
  return rows.length
}

/**
 * Gives the dispatches new places in the queue, in the order that they had. Dispatches with the same order
 * key that already wait go first.
 */
async function replaySettled(
  session: Session,
  ids: readonly string[],
  { status, target }: DeliverySelection,
): Promise<number> {
  const rows = await session.query(
    `WITH chosen AS MATERIALIZED (
       SELECT seq FROM ${dispatches} AS row
       WHERE delivery_id = ANY($1) AND ${settled} AND status = coalesce($2, status)
         AND target = coalesce($3, target) AND ${isTargetPresent}
       ORDER BY seq FOR UPDATE
     ), renumbered AS MATERIALIZED (
       SELECT seq, nextval(pg_get_serial_sequence('${dispatches}', 'seq')) AS next
       FROM (SELECT seq FROM chosen ORDER BY seq) AS ordered
     )
     UPDATE ${dispatches} AS dispatch
     SET seq = renumbered.next, status = 'pending', attempts = 0, due_at = now(), ended_at = NULL,
       error = NULL
     FROM renumbered WHERE dispatch.seq = renumbered.seq RETURNING dispatch.seq`,
    [ids, status ?? null, target ?? null],
  )
  return rows.length
}

interface MissingRow extends Row {
  readonly id: string
  readonly receiver_id: string
  readonly dispatch: readonly Dispatch[]
  readonly body: Buffer
  readonly targets: readonly string[]
}

/** How many bodies are in memory at once. */
const mostBodies = 20

/** For the targets that a receiver has got since. */
async function addMissing(
  session: Session,
  ids: readonly string[],
  target: string | undefined,
): Promise<number> {
  let count = 0
  for (let place = 0; place < ids.length; place += mostBodies) {
    const rows = await session.query<MissingRow>(
      `SELECT delivery.id, delivery.receiver_id, receiver.dispatch, delivery.body,
         array(SELECT target FROM ${dispatches} WHERE delivery_id = delivery.id) AS targets
       FROM reactor_connect_service.webhook_deliveries AS delivery
       JOIN reactor_connect_service.receivers AS receiver ON receiver.id = delivery.receiver_id
       WHERE delivery.id = ANY($1) AND EXISTS (
         SELECT FROM json_array_elements(receiver.dispatch) AS present
         WHERE present ->> 'target' = coalesce($2, present ->> 'target') AND NOT EXISTS (
           SELECT FROM ${dispatches}
           WHERE delivery_id = delivery.id AND target = present ->> 'target'))
       ORDER BY delivery.id`,
      [ids.slice(place, place + mostBodies), target ?? null],
    )
    const missing = rows.flatMap(({ id, receiver_id: receiverId, dispatch, body, targets }) =>
      dispatchesOf(body, dispatch)
        .filter((wanted) => !targets.includes(wanted.target))
        .filter((wanted) => target === undefined || wanted.target === target)
        .map((wanted) => ({ id, receiverId, ...wanted })),
    )
    count += await insertDispatches(session, missing)
  }
  return count
}

async function insertDispatches(
  session: Session,
  missing: readonly {
    readonly id: string
    readonly receiverId: string
    readonly target: string
    readonly orderKey: string | null
  }[],
): Promise<number> {
  if (missing.length === 0) return 0
  const rows = await session.query(
    `INSERT INTO ${dispatches} (delivery_id, receiver_id, target, order_key)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     ON CONFLICT (delivery_id, target) DO NOTHING RETURNING seq`,
    [
      missing.map(({ id }) => id),
      missing.map(({ receiverId }) => receiverId),
      missing.map(({ target }) => target),
      missing.map(({ orderKey }) => orderKey),
    ],
  )
  return rows.length
}

export async function discardDeliveries(
  database: Database,
  selected: DeliverySelection,
): Promise<ChangedDeliveries> {
  return database.transaction(async (session) => {
    const { status = 'dead', target = null } = selected
    if (status !== 'dead' && status !== 'pending') return { count: 0, next: null }
    const { ids, next } = await selectDeliveries(session, { ...selected, status }, 'true')
    const rows = await session.query(
      `UPDATE ${dispatches} SET status = 'discarded', ended_at = now()
       WHERE delivery_id = ANY($1) AND status = $2 AND target = coalesce($3, target)
       RETURNING seq`,
      [ids, status, target],
    )
    if (status === 'pending' && rows.length > 0) {
      await unparkFirst(session)
      await session.query(`SELECT pg_notify('${dispatchChannel}', '')`)
    }
    return { count: rows.length, next }
  })
}

/** Oldest first. */
async function selectDeliveries(
  session: Session,
  selected: DeliverySelection,
  condition: string,
): Promise<{ readonly ids: readonly string[]; readonly next: string | null }> {
  const { limit = standardLimit, after } = selected
  const { and, values } = (await conditionsOf(session, selected)).add('delivery.id >', after)
  const rows = await session.query<{ id: string }>(
    `SELECT delivery.id FROM reactor_connect_service.webhook_deliveries AS delivery
     WHERE ${condition}${and} ORDER BY delivery.id LIMIT ${String(limit + 1)}`,
    values,
  )
  const ids = rows.slice(0, limit).map(({ id }) => id)
  return { ids, next: rows.length > limit ? (ids.at(-1) ?? null) : null }
}
