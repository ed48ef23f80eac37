import { ConnectError } from '../../../protocol/index.ts'
import { tableGone } from '../destination-errors.ts'
import type { DestinationSession } from '../session.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import type { TableColumns } from './table-columns.ts'

/**
 * Throws if the table is not the table that the columns were read from, or if one of its columns has another
 * type now: a binary COPY writes the bytes of the old type, which the new type refuses or reads as other
 * values. A missing column is reported by the statement that names it. Runs in a transaction that has written
 * the table, whose lock prevents further changes.
 */
export async function requireUnchanged(
  session: DestinationSession,
  name: TableName,
  columns: TableColumns,
): Promise<void> {
  const known = [...columns].flatMap(([column, { oids }]) => (oids ? [{ column, ...oids }] : []))
  const [first] = known
  if (first === undefined) return
  const object = quoteTable(name)
  const [found] = await session.rows<{
    replaced: boolean
    column: string | null
    type: string | null
  }>(
    `SELECT to_regclass($1)::oid IS DISTINCT FROM $2::oid AS replaced, c.attname AS column, c.type
       FROM (SELECT) one LEFT JOIN (
         SELECT attname, format_type(atttypid, atttypmod) AS type
           FROM unnest($3::name[], $4::int8[]) AS k (attname, type_oid) JOIN pg_attribute a USING (attname)
          WHERE attrelid = $2::oid AND NOT attisdropped AND atttypid <> type_oid::oid ORDER BY attnum LIMIT 1) c ON true`,
    [object, first.table, known.map(({ column }) => column), known.map(({ type }) => type)],
  )
  const { host, port, database } = session.address
  if (found?.replaced === true) throw tableGone(session.address, object)
  if (found?.column == null) return
  const details = {
    host,
    port,
    database,
    table: object,
    column: found.column,
    type: found.type ?? '',
  }
  throw new ConnectError('destination_column_changed', { details })
}
