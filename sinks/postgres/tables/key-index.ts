import { quoteIdentifier } from '../../../postgres/quote.ts'
import { derivedName, quoteTable, type TableName } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'

/** The name of the unique index that dedup stands on: another key, another name. */
export function keyIndexName(table: TableName, key: readonly string[]): string {
  return derivedName(table, 'key').slice(0, -8) + derivedName(table, JSON.stringify(key)).slice(-8)
}

/**
 * Whether the table has the index, and it keeps keys apart. One of that name on another table does nothing
 * for this one.
 */
export async function hasIndex(
  session: DestinationSession,
  table: TableName,
  index: string,
): Promise<boolean> {
  const rows = await session.rows(
    `SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = to_regclass($1) AND c.relname = $2 AND i.indisunique AND i.indisvalid`,
    [quoteTable(table), index],
  )
  return rows.length > 0
}

/** The columns of an index of the table, in their order; undefined if it has no such index. */
export async function indexColumns(
  session: DestinationSession,
  table: TableName,
  index: string,
): Promise<readonly string[] | undefined> {
  const [found] = await session.rows<{ columns: readonly string[] }>(
    `SELECT array_agg(a.attname::text ORDER BY k.place) AS columns
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place) ON true
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
      WHERE i.indrelid = to_regclass($1) AND c.relname = $2 GROUP BY i.indexrelid`,
    [quoteTable(table), index],
  )
  return found?.columns
}

/**
 * Nulls count as equal, as they do in the choice of the newest row. Deferred triggers of the transaction run
 * before: the server makes no index of a table while some wait.
 */
export async function createKeyIndex(
  session: DestinationSession,
  table: TableName,
  key: readonly string[],
): Promise<void> {
  await freeName(session, table, keyIndexName(table, key))
  await session.run(
    `SET CONSTRAINTS ALL IMMEDIATE;
     CREATE UNIQUE INDEX ${quoteIdentifier(keyIndexName(table, key))} ON ${quoteTable(table)}
       (${key.map(quoteIdentifier).join(', ')}) NULLS NOT DISTINCT`,
  )
}

/**
 * A table that somebody renamed, to put another in its place, still has the index of the key under its old
 * name. It stays there, under a name of its own.
 */
export async function freeName(
  session: DestinationSession,
  { schema }: TableName,
  index: string,
): Promise<void> {
  const [taken] = await session.rows<{ oid: string }>(
    `SELECT c.oid::text AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, index],
  )
  if (taken === undefined) return
  const name = derivedName({ schema, table: index }, taken.oid)
  await session.run(
    `ALTER INDEX ${quoteTable({ schema, table: index })} RENAME TO ${quoteIdentifier(name)}`,
  )
}

/**
 * Drops the index that an earlier mode or key needed: it would refuse rows of the new one. That of another
 * table stays.
 */
export async function dropIndex(
  session: DestinationSession,
  table: TableName,
  index: string,
): Promise<void> {
  if (!(await hasIndex(session, table, index))) return
  const columns = await primaryKeyColumns(session, table, index)
  await session.run(
    columns === undefined
      ? `DROP INDEX ${quoteTable({ schema: table.schema, table: index })}`
      : dropPrimaryKeySql(table, { name: index, columns }),
  )
}

/** The columns of the table's primary key, if that has this name. */
async function primaryKeyColumns(
  session: DestinationSession,
  table: TableName,
  name: string,
): Promise<readonly string[] | undefined> {
  const key = await readAnyPrimaryKey(session, table)
  return key?.name === name ? key.columns : undefined
}

interface PrimaryKey {
  readonly name: string
  readonly columns: readonly string[]
}

export async function readAnyPrimaryKey(
  session: DestinationSession,
  table: TableName,
): Promise<PrimaryKey | undefined> {
  const [found] = await session.rows<PrimaryKey & Record<string, unknown>>(
    `SELECT conname AS name, array_agg(a.attname::text ORDER BY k.place) AS columns
       FROM pg_constraint JOIN unnest(conkey) WITH ORDINALITY AS k (number, place) ON true
       JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.number
      WHERE conrelid = to_regclass($1) AND contype = 'p' GROUP BY conname`,
    [quoteTable(table)],
  )
  return found
}

/** With the NOT NULL that came with it. */
export function dropPrimaryKeySql(table: TableName, { name, columns }: PrimaryKey): string {
  const nullable = columns.map((column) => `ALTER COLUMN ${quoteIdentifier(column)} DROP NOT NULL`)
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT ${quoteIdentifier(name)};
     ALTER TABLE ${quoteTable(table)} ${nullable.join(', ')}`
}
