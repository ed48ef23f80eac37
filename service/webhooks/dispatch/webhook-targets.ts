import type { Database, Row } from '../../platform/database/database.ts'
import { readTime } from '../../platform/database/read-time.ts'
import type { Interruption } from '../receivers/contract.ts'
import { dispatches, unsettled } from './waiting-pairs.ts'

const table = 'reactor_connect_service.webhook_targets'

/** Whether a receiver has the target, or events still wait for it, as a condition on a row `kept`. */
export const isTargetUsed = `(
  EXISTS (
    SELECT FROM reactor_connect_service.receivers AS receiver
    CROSS JOIN json_array_elements(receiver.dispatch) AS present
    WHERE present ->> 'target' = kept.target)
  OR EXISTS (
    SELECT FROM ${dispatches} AS waiting
    WHERE waiting.target = kept.target AND waiting.${unsettled}))`

interface InterruptedRow extends Row {
  readonly target: string
  readonly open_until: string | null
  readonly reason: string | null
}

export async function readInterruptions(
  database: Database,
  targets: readonly string[],
): Promise<ReadonlyMap<string, Interruption>> {
  if (targets.length === 0) return new Map()
  const rows = await database.query<InterruptedRow>(
    `SELECT target, CASE WHEN open_until > now() THEN open_until END AS open_until,
       error #>> '{details,reason}' AS reason
     FROM ${table} WHERE target = ANY($1) AND open_until IS NOT NULL`,
    [targets],
  )
  return new Map(
    rows.map(({ target, open_until: until, reason }) => [
      target,
      { until: until === null ? null : readTime(until), reason },
    ]),
  )
}

/** Deletes the circuit breakers of targets that nobody uses any more. */
export async function pruneTargets(database: Database): Promise<void> {
  await database.query(`DELETE FROM ${table} AS kept WHERE NOT ${isTargetUsed}`)
}
