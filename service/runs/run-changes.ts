import type { RunStream } from './schema.ts'
import type { Database } from '../platform/database/database.ts'
import { notifying, plainJson } from '../platform/database/statement.ts'

/** The channel that followers listen on; the payload is the id of the run. */
export const runChannel = 'reactor_connect_run'

/** For RETURNING; `id`: an expression. */
export function notify(id: string): string {
  return notifying(runChannel, id)
}

interface RunChange {
  readonly id: string
  /** Only while the run is running and this process has it. */
  readonly owner: string
  /** Those that changed. */
  readonly streams: readonly RunStream[]
  /** Assignments; `$5` and on are `values`. */
  readonly set: string
  readonly values?: readonly unknown[]
}

/** Changes a run and its streams in one statement. Null: the run is not the owner's, nothing changed. */
export async function changeRun(
  database: Database,
  { id, owner, streams, set, values = [] }: RunChange,
): Promise<{ readonly cancelRequested: boolean } | null> {
  const isBareBeat = streams.length === 0 && values.length === 0
  const [changed] = await database.query<{ cancel_requested: boolean }>(
    `WITH given AS (
       SELECT * FROM json_to_recordset($3) AS stream (
         name text, namespace text, status text, read bigint, "readAgain" bigint, "readBytes" bigint, loaded bigint,
         rejected bigint, nulled bigint, cut bigint, bottleneck text, error json, warnings json,
         "tableChanges" json)
     ), present AS (
       SELECT read, loaded, rejected FROM given
       UNION ALL
       SELECT read, loaded, rejected FROM reactor_connect_service.run_streams AS kept
       WHERE run_id = $1 AND NOT EXISTS (
         SELECT FROM given
         WHERE given.name = kept.name AND given.namespace IS NOT DISTINCT FROM kept.namespace
       )
     ), total AS (
       SELECT coalesce(sum(read), 0) AS read, coalesce(sum(loaded), 0) AS loaded,
         coalesce(sum(rejected), 0) AS rejected
       FROM present
     ), changed AS (
       UPDATE reactor_connect_service.runs AS run SET
         read = total.read, loaded = total.loaded, rejected = total.rejected, ${set}
       FROM total
       WHERE run.id = $1 AND run.owner = $2 AND run.status = 'running'
       RETURNING run.id, run.cancel_requested, CASE WHEN $4 THEN ${notify('run.id')} END
     ), kept AS (
       INSERT INTO reactor_connect_service.run_streams AS kept (run_id, name, namespace, status,
         read, read_again, read_bytes, loaded, rejected, nulled, cut, bottleneck, error, warnings, table_changes)
       SELECT changed.id, given.name, given.namespace, given.status, given.read,
         given."readAgain", given."readBytes", given.loaded, given.rejected, given.nulled, given.cut, given.bottleneck,
         given.error, given.warnings, given."tableChanges"
       FROM changed, given
       ON CONFLICT (run_id, name, namespace) DO UPDATE SET
         status = excluded.status, read = excluded.read, read_again = excluded.read_again,
         read_bytes = excluded.read_bytes,
         loaded = excluded.loaded, rejected = excluded.rejected, nulled = excluded.nulled, cut = excluded.cut,
         bottleneck = excluded.bottleneck, error = excluded.error, warnings = excluded.warnings,
         table_changes = excluded.table_changes
       WHERE (kept.status, kept.read_bytes, kept.read, kept.read_again, kept.loaded, kept.rejected,
           kept.nulled, kept.cut, kept.bottleneck, kept.error::text, kept.warnings::text, kept.table_changes::text)
         IS DISTINCT FROM (excluded.status, excluded.read_bytes, excluded.read, excluded.read_again,
           excluded.loaded, excluded.rejected, excluded.nulled, excluded.cut, excluded.bottleneck, excluded.error::text, excluded.warnings::text,
           excluded.table_changes::text)
     )
     SELECT cancel_requested FROM changed`,
    [id, owner, plainJson(streams), !isBareBeat, ...values],
  )
  return changed === undefined ? null : { cancelRequested: changed.cancel_requested }
}
