import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import { dropPrimaryKeySql, freeName, keyIndexName, readAnyPrimaryKey } from './key-index.ts'
import type { DestinationSession } from '../session.ts'

/**
 * The constraint of a primary key of ours. Its index has the name that a unique index of these columns would
 * have.
 */
export function primaryKeyConstraint(table: TableName, columns: readonly string[]): string {
  const list = columns.map(quoteIdentifier).join(', ')
  return `CONSTRAINT ${quoteIdentifier(keyIndexName(table, columns))} PRIMARY KEY (${list})`
}

/** The columns of the primary key that we made for the table; undefined if it has none, or a user's own. */
export async function readPrimaryKey(
  session: DestinationSession,
  table: TableName,
): Promise<readonly string[] | undefined> {
  const found = await readAnyPrimaryKey(session, table)
  if (found === undefined) return undefined
  return found.name === keyIndexName(table, found.columns) ? found.columns : undefined
}

/**
 * In the savepoint `primary_key`. Deferred triggers of the transaction run before: the server makes no index
 * of a table while some wait.
 */
export async function addPrimaryKey(
  session: DestinationSession,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  await freeName(session, table, keyIndexName(table, columns))
  await session.run(
    `SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE ${quoteTable(table)} ADD ${primaryKeyConstraint(table, columns)}`,
    'primary_key',
  )
}

export async function dropPrimaryKey(
  session: DestinationSession,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  await session.run(dropPrimaryKeySql(table, { name: keyIndexName(table, columns), columns }))
}
