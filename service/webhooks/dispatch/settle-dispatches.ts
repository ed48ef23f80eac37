import type { JsonObject } from '../../../protocol/index.ts'
import type { SettledDispatch } from '../deliveries/contract.ts'
import type { Database, Row, Session } from '../../platform/database/database.ts'
import { plainJson } from '../../platform/database/statement.ts'
import { dispatchChannel } from '../deliveries/append-deliveries.ts'
import { dispatches, plansByIndex, statusIn, unsettled } from './waiting-pairs.ts'

/** After this number of failures in a row, nothing is sent to a target for a time. */
const mostFailures = 5
const firstPauseMs = 30_000
const longestPauseMs = 300_000

interface SettledRow extends Row {
  readonly seq: string
  readonly receiver_id: string
  readonly target: string
  readonly order_key: string | null
  readonly outcome: SettledDispatch['outcome']
}

export async function settleDispatches(
  database: Database,
  owner: string,
  settled: readonly SettledDispatch[],
): Promise<void> {
  if (settled.length === 0) return
  const rows = await database.transaction((session) => settleRows(session, owner, settled))
  // Apart from the rows: no transaction holds locks on both.
  await closeBreakers(database, rows)
  await countFailures(database, settled, rows)
}

async function settleRows(
  session: Session,
  owner: string,
  settled: readonly SettledDispatch[],
): Promise<readonly SettledRow[]> {
  const rows = await session.query<SettledRow>(
    `WITH given AS (
       SELECT * FROM jsonb_to_recordset($2) AS row (
         seq bigint, outcome text, "delayMs" double precision, error jsonb)
     ), mine AS (
       SELECT row.seq FROM given JOIN ${dispatches} AS row USING (seq)
       WHERE row.owner = $1 AND ${statusIn('row')} = 'running' ORDER BY row.seq FOR UPDATE OF row
     )
     UPDATE ${dispatches} AS row SET
       status = CASE WHEN outcome IN ('done', 'dead') THEN outcome ELSE 'pending' END,
       attempts = row.attempts - CASE WHEN outcome IN ('released', 'unavailable') THEN 1 ELSE 0 END,
       due_at = CASE WHEN outcome = 'retry' THEN now() + "delayMs" * interval '1 ms'
         WHEN outcome IN ('done', 'dead') THEN row.due_at ELSE now() END,
       ended_at = CASE WHEN outcome IN ('done', 'dead') THEN now() END,
       error = CASE WHEN outcome = 'done' THEN NULL ELSE coalesce(given.error::json, row.error) END,
       owner = NULL
     FROM given JOIN mine USING (seq) WHERE row.seq = given.seq
     RETURNING row.seq, row.receiver_id, row.target, row.order_key, given.outcome`,
    [owner, plainJson(settled)],
  )
  await unpark(session, rows)
  if (rows.some(({ outcome }) => outcome === 'released'))
    await session.query(`SELECT pg_notify('${dispatchChannel}', '')`)
  return rows
}

/**
 * The first row of each order key may go on. In a statement of its own: it sees the rows that a claim parked
 * while this transaction waited for the rows above, and no claim can park more behind them from then on.
 */
async function unpark(session: Session, rows: readonly SettledRow[]): Promise<void> {
  const ordered = rows.filter(({ order_key: key }) => key !== null)
  if (ordered.length === 0) return
  await session.query(`SELECT ${plansByIndex}`)
  await session.query(
    `UPDATE ${dispatches} AS row SET due_at = now()
     FROM (
       SELECT DISTINCT receiver_id, target, order_key
       FROM unnest($1::text[], $2::text[], $3::text[]) AS key (receiver_id, target, order_key)
     ) AS key CROSS JOIN LATERAL (
       SELECT seq FROM ${dispatches} AS next
       WHERE (next.receiver_id, next.target, next.order_key, next.seq)
           >= (key.receiver_id, key.target, key.order_key, 0)
         AND (next.receiver_id, next.target, next.order_key)
           <= (key.receiver_id, key.target, key.order_key)
         AND next.${unsettled} AND next.order_key IS NOT NULL
       ORDER BY next.receiver_id, next.target, next.order_key, next.seq LIMIT 1
     ) AS first
     WHERE row.seq = first.seq AND ${statusIn('row')} = 'pending' AND row.due_at = 'infinity'`,
    [
      ordered.map((row) => row.receiver_id),
      ordered.map((row) => row.target),
      ordered.map((row) => row.order_key),
    ],
  )
}

/** A target that took something works. */
async function closeBreakers(database: Database, rows: readonly SettledRow[]): Promise<void> {
  const works = targetsWith(rows, 'done')
  if (works.length === 0) return
  await database.query(
    'DELETE FROM reactor_connect_service.webhook_targets WHERE target = ANY($1)',
    [works],
  )
}

interface FailedTarget {
  readonly seq: string
  readonly target: string
  readonly error: JsonObject
  /** null: it is one failure more. */
  readonly pauseMs: number | null
}

/**
 * Failures of other events that were on their way when a target was interrupted add no information: only the
 * probe prolongs the pause.
 */
async function countFailures(
  database: Database,
  settled: readonly SettledDispatch[],
  rows: readonly SettledRow[],
): Promise<void> {
  const works = new Set(targetsWith(rows, 'done'))
  const mine = new Set(rows.map(({ seq }) => seq))
  const failed = settled.flatMap((row): readonly FailedTarget[] => {
    if (works.has(row.target) || !mine.has(row.seq)) return []
    const { seq, target } = row
    if (row.outcome === 'unavailable')
      return [{ seq, target, error: row.error, pauseMs: row.delayMs }]
    const isDown = (row.outcome === 'retry' || row.outcome === 'dead') && row.isTargetDown
    return isDown ? [{ seq, target, error: row.error, pauseMs: null }] : []
  })
  if (failed.length === 0) return
  await database.query(
    `WITH failed AS (
       SELECT target, count(*)::integer AS count, array_agg(seq) AS seqs, max("pauseMs") AS pause_ms,
         (array_agg(error))[1] AS error
       FROM jsonb_to_recordset($1) AS row (
         seq bigint, target text, error jsonb, "pauseMs" double precision)
       GROUP BY target
     )
     INSERT INTO reactor_connect_service.webhook_targets AS kept (target, failures, open_until, error)
     SELECT target, least(count, $2::integer),
       CASE WHEN pause_ms IS NOT NULL THEN now() + pause_ms * interval '1 ms'
         WHEN count >= $2::integer THEN now() + $3::float8 * interval '1 ms' END, error::json
     FROM failed ORDER BY target
     ON CONFLICT (target) DO UPDATE SET (failures, open_until, probe, error, updated_at) = (
       SELECT
         CASE WHEN pause_ms IS NOT NULL THEN kept.failures
           WHEN kept.open_until IS NULL THEN least(kept.failures + count, $2::integer)
           WHEN kept.probe = ANY(seqs) THEN kept.failures + 1 ELSE kept.failures END,
         CASE WHEN pause_ms IS NOT NULL THEN now() + pause_ms * interval '1 ms'
           WHEN kept.open_until IS NULL AND kept.failures + count >= $2::integer
             THEN now() + $3::float8 * interval '1 ms'
           WHEN kept.probe = ANY(seqs) THEN now() + least($4::float8,
             $3::float8 * 2 ^ least(20, greatest(0, kept.failures + 1 - $2::integer))) * interval '1 ms'
           ELSE kept.open_until END,
         CASE WHEN kept.probe = ANY(seqs) THEN NULL ELSE kept.probe END,
         excluded.error, now()
       FROM failed WHERE failed.target = kept.target
     )`,
    [plainJson(failed), mostFailures, firstPauseMs, longestPauseMs],
  )
}

function targetsWith(
  rows: readonly SettledRow[],
  outcome: SettledDispatch['outcome'],
): readonly string[] {
  return [...new Set(rows.filter((row) => row.outcome === outcome).map(({ target }) => target))]
}
