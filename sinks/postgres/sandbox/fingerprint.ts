import { createHash } from 'node:crypto'
import { streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { schemaExists } from '../bookkeeping.ts'
import { quoteTable, type TableName } from '../identifiers.ts'
import { sessionPlace, type PostgresPlace } from '../postgres-address.ts'
import { Session } from '../session.ts'
import { streamTarget } from '../stream-target.ts'

/**
 * SHA-256 (hex) of the shape of the streams' production tables (columns, types, indexes, constraints, triggers, dependent views), and of
 * their checkpoints. Rows are not in it, but a run changes the checkpoints.
 */
export async function readFingerprint(
  place: PostgresPlace,
  streams: readonly SinkStream[],
): Promise<string> {
  await using session = await Session.open(sessionPlace(place))
  await session.run(`SET statement_timeout = '60s'; SET default_transaction_read_only = on`)
  const hash = createHash('sha256')
  hash.update(JSON.stringify([session.address.database, place.schema ?? null]))
  const hasBookkeeping = await schemaExists(session, session.bookkeepingSchema)
  for (const sink of streams) {
    // Only its name is asked for, which no mode changes.
    const { table } = streamTarget({ ...sink, mode: 'append' }, place.schema)
    hash.update(JSON.stringify([table, await readShape(session, table)]))
    if (hasBookkeeping) hash.update(JSON.stringify(await readCheckpoints(session, sink)))
  }
  return hash.digest('hex')
}

/** One text for each thing, in an order that does not change. */
async function readShape(session: Session, table: TableName): Promise<unknown[]> {
  return session.rows(
    `SELECT fact FROM (
       SELECT 1 AS part, lpad(attnum::text, 5) AS place,
              format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull) AS fact
         FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
       UNION ALL SELECT 2, '', pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass($1)
       UNION ALL SELECT 3, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass($1)
       UNION ALL SELECT 4, tgname, pg_get_triggerdef(oid)
         FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal
       UNION ALL SELECT DISTINCT 5, r.ev_class::regclass::text, pg_get_viewdef(r.ev_class)
         FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = to_regclass($1) AND r.ev_class <> d.refobjid
     ) facts ORDER BY part, place COLLATE "C", fact COLLATE "C"`,
    [quoteTable(table)],
  )
}

async function readCheckpoints(session: Session, sink: SinkStream): Promise<unknown[]> {
  const { namespace, name } = streamIdOf(sink.stream.stream)
  return session.rows(
    `SELECT st.sync_id, st.generation_id, st.epoch, st.complete, st.settings, st.table_schema, st.table_name,
            (SELECT json_agg(json_build_array(slice, state, seq, complete) ORDER BY slice COLLATE "C")
               FROM ${session.bookkeeping}.slices WHERE stream_id = st.id)::text AS slices
       FROM ${session.bookkeeping}.streams st
      WHERE st.connection = $1 AND st.namespace IS NOT DISTINCT FROM $2 AND st.name = $3`,
    [sink.connection, namespace ?? null, name],
  )
}
