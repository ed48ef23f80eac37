import { derivedName, quoteIdentifier, quoteTable, type TableName } from './identifiers.ts'
import type { Session } from './session.ts'

/** The name of the unique index that dedup stands on: another key, another name. */
export function keyIndexName(table: TableName, key: readonly string[]): string {
  return derivedName(table, 'key').slice(0, -8) + derivedName(table, JSON.stringify(key)).slice(-8)
}

export async function hasIndex(
  session: Session,
  table: TableName,
  index: string,
): Promise<boolean> {
  const rows = await session.rows(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('i', 'I')`,
    [table.schema, index],
  )
  return rows.length > 0
}

/** Nulls count as equal, as they do in the choice of the newest row. */
export async function createKeyIndex(
  session: Session,
  table: TableName,
  key: readonly string[],
): Promise<void> {
  await session.run(
    `CREATE UNIQUE INDEX ${quoteIdentifier(keyIndexName(table, key))} ON ${quoteTable(table)}
       (${key.map(quoteIdentifier).join(', ')}) NULLS NOT DISTINCT`,
  )
}

/** Drops the index that an earlier mode or key needed: it would refuse rows of the new one. */
export async function dropIndex(session: Session, table: TableName, index: string): Promise<void> {
  await session.run(
    `DROP INDEX IF EXISTS ${quoteIdentifier(table.schema)}.${quoteIdentifier(index)}`,
  )
}
