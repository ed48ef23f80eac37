import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { DefinitionEntry } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { derivedName, quoteTable, type TableName } from '../tables/identifiers.ts'
import { commented } from './definition-sql.ts'
import { namedKinds } from './make-definitions.ts'

/**
 * Drops from the table what an earlier run made, or would have made, for these entries: the source does not
 * have them any more, and a check that it dropped would refuse its rows. Part of the open transaction.
 */
export async function dropDefinitions(
  session: DestinationSession,
  table: TableName,
  entries: readonly DefinitionEntry[],
): Promise<void> {
  if (entries.length === 0) return
  const named = entries.filter(([kind]) => namedKinds.includes(kind))
  const statements = [
    ...(await namedDrops(session, table, named)),
    ...entries.flatMap(([kind, name]) => columnDrop(table, kind, name)),
  ]
  const columns = new Set(await columnsOf(session, table))
  const possible = statements.filter(({ column }) => column === undefined || columns.has(column))
  if (possible.length > 0) await session.run(possible.map(({ sql }) => sql).join('; '))
}

interface Drop {
  readonly sql: string
  readonly column?: string
}

async function namedDrops(
  session: DestinationSession,
  table: TableName,
  entries: readonly DefinitionEntry[],
): Promise<readonly Drop[]> {
  const names = entries.flatMap(([, name]) => [name, derivedName(table, name)])
  if (names.length === 0) return []
  const rows = await session.rows<{ name: string; isConstraint: boolean }>(
    `SELECT conname AS name, true AS "isConstraint" FROM pg_constraint
      WHERE conrelid = to_regclass($1) AND conname = ANY ($2::name[]) AND contype IN ('c', 'u', 'x')
     UNION ALL
     SELECT c.relname, false FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = to_regclass($1) AND c.relname = ANY ($2::name[])
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND conrelid = i.indrelid)`,
    [quoteTable(table), names],
  )
  return rows.map(({ name, isConstraint }) => ({
    sql: isConstraint
      ? `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT ${quoteIdentifier(name)}`
      : `DROP INDEX ${quoteTable({ schema: table.schema, table: name })}`,
  }))
}

function columnDrop(table: TableName, kind: string, column: string): readonly Drop[] {
  const alter = `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${quoteIdentifier(column)}`
  if (kind === 'default') return [{ sql: `${alter} DROP DEFAULT`, column }]
  if (kind === 'identity') return [{ sql: `${alter} DROP IDENTITY IF EXISTS`, column }]
  if (kind !== 'comment') return []
  const sql = `COMMENT ON ${commented(table, column)} IS NULL`
  return [column === '' ? { sql } : { sql, column }]
}

async function columnsOf(
  session: DestinationSession,
  table: TableName,
): Promise<readonly string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
    [quoteTable(table)],
  )
  return rows.map(({ name }) => name)
}
