import type { Database } from '../../platform/database/database.ts'

/** Events that came longer ago say nothing about whether they still come. */
const flowHours = 24
/** An event that waits for longer is late: the tables are not up to date without a run. */
const lateMinutes = 10

/**
 * How many scheduled runs of the connection are to be replaced by events, as the receivers say that load all
 * of its streams. Null unless each of these receivers is active, has had events loaded in the last day, none
 * that waits for long, and none given up since the last run.
 */
export async function sweepEvery(
  database: Pick<Database, 'query'>,
  { connection, lastRunAt }: { readonly connection: string; readonly lastRunAt: string },
): Promise<number | null> {
  const [row] = await database.query<{ sweep_every: number | null }>(
    `WITH loading AS (
       SELECT r.id, r.status, (wanted->>'sweepEvery')::int AS sweep_every
         FROM reactor_connect_service.receivers AS r, json_array_elements(r.dispatch) AS item (wanted)
        WHERE wanted->>'target' = $1 AND wanted->>'sweepEvery' IS NOT NULL
     )
     SELECT min(sweep_every) AS sweep_every FROM loading
     HAVING bool_and(status = 'active'
       AND EXISTS (
         SELECT FROM reactor_connect_service.webhook_dispatches AS loaded
          WHERE loaded.receiver_id = loading.id AND loaded.target = $1 AND loaded.status = 'done'
            AND loaded.ended_at > now() - make_interval(hours => ${String(flowHours)}))
       AND NOT EXISTS (
         SELECT FROM reactor_connect_service.webhook_dispatches AS left_out
          WHERE left_out.receiver_id = loading.id AND left_out.target = $1 AND (
            left_out.status IN ('dead', 'discarded') AND left_out.ended_at > $2
            OR left_out.status IN ('pending', 'running') AND EXISTS (
              SELECT FROM reactor_connect_service.webhook_deliveries AS delivery
               WHERE delivery.id = left_out.delivery_id
                 AND delivery.received_at < now() - make_interval(mins => ${String(lateMinutes)})))))`,
    [`stream:${connection}/*`, lastRunAt],
  )
  return row?.sweep_every ?? null
}
