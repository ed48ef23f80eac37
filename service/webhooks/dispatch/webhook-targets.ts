import type { Database } from '../../platform/database/database.ts'
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

/** Deletes the circuit breakers of targets that nobody uses any more. */
export async function pruneTargets(database: Database): Promise<void> {
  await database.query(`DELETE FROM ${table} AS kept WHERE NOT ${isTargetUsed}`)
}
