import { ConnectError } from '../../protocol/index.ts'
import { quoteQualified } from '../../postgres/quote.ts'
import type { Session } from './session.ts'
import type { StreamSource } from './stream-source.ts'

/**
 * Throws where what is to be read was truncated, rewritten by ALTER TABLE or replaced by another table of its name since the
 * snapshot: PostgreSQL then shows the snapshot an empty table. The locks that are taken here keep it as it is from now on.
 * Of a view or a partitioned table all tables are looked at: planning locks them.
 */
export async function requireSameTables(session: Session, source: StreamSource): Promise<void> {
  const { schema, name, oid } = source.table
  await session.userRows(`SELECT FROM ${source.from} LIMIT 0`, [], { stream: source.name })
  // pg_class is read as of the snapshot; the functions look at it as it is now.
  const changed = await session.rows(
    `SELECT WHERE pg_catalog.to_regclass($1) IS DISTINCT FROM $2::int8::oid
     UNION ALL
     SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND c.oid >= 16384 AND c.relkind = 'r'
        AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)
     LIMIT 1`,
    [quoteQualified(schema, name), oid],
  )
  if (changed.length === 0) return
  throw new ConnectError('source_table_replaced', { details: { stream: source.name } })
}
