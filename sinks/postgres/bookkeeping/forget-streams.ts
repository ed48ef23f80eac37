import type { StreamId } from '../../../protocol/index.ts'
import { eventsConnection } from '../../events-connection.ts'
import type { TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'

/**
 * `Destination.forget`: see the contract. The row of a stream stays: sync, epoch and position in the log
 * continue to count, so that nothing of the old sync is mistaken for the new one's, and counts of rows in its
 * table that no run has reported stay. A stage that an overwrite left behind is made again by the next one.
 */
export async function forgetStreams(
  session: DestinationSession,
  connection: string,
  streams: readonly StreamId[] | 'all',
): Promise<void> {
  const names = streams === 'all' ? null : JSON.stringify(streams)
  const isWanted = `connection = ANY ($1::text[]) AND ($2::json IS NULL OR ${isAmong('$2')})`
  const params = [[connection, eventsConnection(connection)], names]
  await session.transaction(() => forget(session, isWanted, params))
}

/** SQL condition: the row `stream` is one of those that the parameter lists, as JSON of StreamIds. */
export function isAmong(parameter: string): string {
  return `EXISTS (SELECT FROM json_to_recordset(${parameter}::json) AS wanted (name text, namespace text)
     WHERE wanted.name = stream.name AND wanted.namespace IS NOT DISTINCT FROM stream.namespace)`
}

/**
 * Streams that loaded a table which somebody dropped: their checkpoints refer to rows that no longer exist.
 */
export async function forgetOwners(
  session: DestinationSession,
  { schema, table }: TableName,
  ownId: string | undefined,
): Promise<void> {
  const isOther = 'table_schema = $1 AND table_name = $2 AND id IS DISTINCT FROM $3'
  await forget(session, isOther, [schema, table, ownId ?? null])
}

/** In a transaction. */
async function forget(
  session: DestinationSession,
  condition: string,
  params: readonly unknown[],
): Promise<void> {
  // In a statement of its own: the server evaluates again what waited for a row, and cannot do that with the
  // deletion in the other one.
  const wanted = await session.rows<{ id: string }>(
    `SELECT id FROM ${session.bookkeeping}.streams AS stream WHERE ${condition} ORDER BY id FOR UPDATE`,
    params,
  )
  await session.rows(
    `WITH gone AS (
       DELETE FROM ${session.bookkeeping}.slices WHERE stream_id = ANY ($1::bigint[])
       RETURNING stream_id, run_loaded, run_rejected, run_nulled, run_cut)
     UPDATE ${session.bookkeeping}.streams AS stream
        SET complete = true, staged = false, run = 0, epoch = epoch + 1, planned = 0, earlier_tables = '[]', table_warnings = '{}',
            untold_counts = CASE WHEN staged THEN untold_counts ELSE untold_counts || ARRAY(
              SELECT json_build_object('table', json_build_object('schema', stream.table_schema, 'table', stream.table_name),
                       'loaded', sum(run_loaded), 'rejected', sum(run_rejected), 'nulled', sum(run_nulled), 'cut', sum(run_cut))::text
                FROM gone WHERE stream_id = stream.id HAVING sum(run_loaded + run_rejected + run_nulled + run_cut) > 0) END
      WHERE id = ANY ($1::bigint[])`,
    [wanted.map(({ id }) => id)],
  )
}
