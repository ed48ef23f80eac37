import { createHash } from 'node:crypto'
import { streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { schemaExists } from '../tables/schemas.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { type PostgresPlace, sessionPlace } from '../postgres-place.ts'
import { DestinationSession } from '../session.ts'
import { tableAndPartitions } from '../tables/row-account.ts'
import { streamTarget } from '../tables/stream-target.ts'

/**
 * The state that the counts of a sandbox depend on, which a run in between changes: SHA-256 (hex) of the
 * shape of the streams' production tables (columns, types, indexes, constraints, foreign keys to them,
 * triggers, rules, policies, rights, dependent views), and of their checkpoints. Rows are not included, but a
 * run changes the checkpoints. Promote tokens are bound to this fingerprint: if its content changes, the
 * number of the format that the tokens name must change.
 */
export async function destinationFingerprint(
  place: PostgresPlace,
  streams: readonly SinkStream[],
): Promise<string> {
  await using session = await DestinationSession.open(sessionPlace(place))
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
async function readShape(session: DestinationSession, table: TableName): Promise<unknown[]> {
  return session.rows(
    `SELECT fact FROM (
       SELECT 0 AS part, '' AS place, concat_ws(' ', relkind, relowner, relrowsecurity, relforcerowsecurity,
              pg_has_role(relowner, 'USAGE'), has_table_privilege(oid, 'SELECT'), has_table_privilege(oid, 'INSERT'),
              has_table_privilege(oid, 'UPDATE'), has_table_privilege(oid, 'DELETE')) AS fact
         FROM pg_class WHERE oid = to_regclass($1)
       UNION ALL SELECT 1, lpad(attnum::text, 5), concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,
              attcollation, attidentity, attgenerated, pg_get_expr(adbin, adrelid))
         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
       UNION ALL SELECT 2, '', pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass($1)
       UNION ALL SELECT 3, conname, concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid),
              (SELECT string_agg(DISTINCT tgenabled::text, '') FROM pg_trigger WHERE tgconstraint = pg_constraint.oid))
         FROM pg_constraint WHERE to_regclass($1) IN (conrelid, confrelid)
       UNION ALL SELECT 4, tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(oid))
         FROM pg_trigger WHERE tgrelid IN ${tableAndPartitions} AND tgparentid = 0 AND NOT tgisinternal
       UNION ALL SELECT DISTINCT 5, r.ev_class::regclass::text, pg_get_viewdef(r.ev_class)
         FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = to_regclass($1) AND r.ev_class <> d.refobjid
       UNION ALL SELECT 6, rulename, concat_ws(' ', ev_enabled, pg_get_ruledef(oid)) FROM pg_rewrite WHERE ev_class = to_regclass($1)
       UNION ALL SELECT 7, polname, concat_ws(' ', polcmd, polpermissive, polroles::text,
              pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
         FROM pg_policy WHERE polrelid = to_regclass($1)
     ) facts ORDER BY part, place COLLATE "C", fact COLLATE "C"`,
    [quoteTable(table)],
  )
}

async function readCheckpoints(session: DestinationSession, sink: SinkStream): Promise<unknown[]> {
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
