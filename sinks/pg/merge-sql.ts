import { DatabaseError, type Client } from 'pg'
import { ConnectError } from '../../protocol/index.ts'
import { createHash } from 'node:crypto'
import { quoteIdentifier, quoteTable, type TableName } from './identifiers.ts'
import { extractedAtColumn } from './table-layout.ts'

/** The staging table of a lane's session. */
export const stagedTable = 'pg_temp.reactor_staged'
/** JSON list of the fields that were missing from the record, in the staging table. */
export const missingColumn = '_reactor_missing'
/** Set on the record of a deleted row. */
export const deletedAtColumn = '_ab_cdc_deleted_at'

export interface MergePlan {
  readonly table: TableName
  readonly key: readonly string[]
  readonly cursor: string | undefined
  /** All columns that are loaded, in order. */
  readonly columns: readonly string[]
  /** `hard` removes the rows of records with `_ab_cdc_deleted_at`; undefined where the stream has no such column, or keeps the rows. */
  readonly hardDeletes: boolean
  /** Columns (with the record's field) whose value stays when the record did not have them: unchanged TOAST values of a CDC stream. */
  readonly keptWhenMissing: readonly { readonly column: string; readonly field: string }[]
}

/**
 * The statements of one merge, in order. Of the staged rows of a key the newest counts: the highest cursor (nulls last), then the
 * latest extraction, then the one that came last (a temporary table that is only appended to has its rows in the order of ctid). An older
 * one never replaces a newer one that is in the table.
 */
export function mergeStatements(plan: MergePlan): readonly string[] {
  const upsert = upsertStatement(plan)
  return plan.hardDeletes ? [deleteStatement(plan), upsert] : [upsert]
}

function upsertStatement(plan: MergePlan): string {
  const columns = plan.columns.map(quoteIdentifier)
  const alive = plan.hardDeletes ? ` WHERE ${quoteIdentifier(deletedAtColumn)} IS NULL` : ''
  const keep = new Map(plan.keptWhenMissing.map(({ column, field }) => [column, field]))
  const assignments = plan.columns
    .filter((column) => !plan.key.includes(column))
    .map((column) => assignment(column, keep.get(column)))
  if (keep.size > 0) return mergeKeepingMissing(plan, assignments)
  const action =
    assignments.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${assignments.join(', ')} WHERE ${newerThanTable(plan, 'excluded')}`
  return `INSERT INTO ${quoteTable(plan.table)} AS t (${columns.join(', ')})
    SELECT ${columns.join(', ')} FROM (${latest(plan)}) AS s${alive}
    ON CONFLICT (${plan.key.map(quoteIdentifier).join(', ')}) DO ${action}`
}

function assignment(column: string, keptField: string | undefined): string {
  const quoted = quoteIdentifier(column)
  if (keptField === undefined) return `${quoted} = excluded.${quoted}`
  return `${quoted} = CASE WHEN s.${missingColumn} ? ${literal(keptField)} THEN t.${quoted} ELSE s.${quoted} END`
}

/** MERGE, because ON CONFLICT sees only the columns of the table, not which fields were missing. The caller holds the table's merge lock. */
function mergeKeepingMissing(plan: MergePlan, assignments: readonly string[]): string {
  const columns = plan.columns.map(quoteIdentifier)
  const sets = assignments.map((text) => text.replaceAll('excluded.', 's.'))
  const alive = plan.hardDeletes ? ` WHERE ${quoteIdentifier(deletedAtColumn)} IS NULL` : ''
  const on = plan.key
    .map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM s.${quoteIdentifier(name)}`)
    .join(' AND ')
  return `MERGE INTO ${quoteTable(plan.table)} AS t
    USING (SELECT * FROM (${latest(plan)}) AS l${alive}) AS s ON ${on}
    WHEN MATCHED AND ${newerThanTable(plan, 's')} THEN UPDATE SET ${sets.join(', ')}
    WHEN NOT MATCHED THEN INSERT (${columns.join(', ')}) VALUES (${columns.map((column) => `s.${column}`).join(', ')})`
}

function deleteStatement(plan: MergePlan): string {
  const on = plan.key
    .map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM s.${quoteIdentifier(name)}`)
    .join(' AND ')
  return `DELETE FROM ${quoteTable(plan.table)} AS t USING (${latest(plan)}) AS s
    WHERE s.${quoteIdentifier(deletedAtColumn)} IS NOT NULL AND ${on} AND ${newerThanTable(plan, 's')}`
}

function latest({ key, cursor }: MergePlan): string {
  const names = key.map(quoteIdentifier).join(', ')
  const byCursor = cursor === undefined ? '' : `${quoteIdentifier(cursor)} DESC NULLS LAST, `
  return `SELECT DISTINCT ON (${names}) * FROM ${stagedTable} ORDER BY ${names}, ${byCursor}${extractedAtColumn} DESC, ctid DESC`
}

/** Whether the incoming row (`from`) is as new as the row `t` of the table, or newer. A row of the table without an extraction time is not ours: older. */
function newerThanTable({ cursor }: MergePlan, from: string): string {
  const byTime = `${from}.${extractedAtColumn} >= coalesce(t.${extractedAtColumn}, '-infinity')`
  if (cursor === undefined) return `(${byTime})`
  const column = quoteIdentifier(cursor)
  return `(${from}.${column} > t.${column} OR (t.${column} IS NULL AND ${from}.${column} IS NOT NULL)
    OR (${from}.${column} IS NOT DISTINCT FROM t.${column} AND ${byTime}))`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/**
 * The unique index that dedup stands on: nulls count as equal, as they do in the choice of the newest row. Throws where the table has
 * rows with the same key (it was appended to before).
 */
export async function ensureKeyIndex(
  client: Client,
  {
    table,
    key,
  }: {
    readonly table: TableName
    readonly key: readonly string[]
    readonly cursor: string | undefined
  },
): Promise<void> {
  const hash = createHash('sha256')
    .update(JSON.stringify([table, key]))
    .digest('hex')
    .slice(0, 24)
  const columns = key.map(quoteIdentifier).join(', ')
  try {
    await client.query(
      `CREATE UNIQUE INDEX IF NOT EXISTS ${quoteIdentifier(`reactor_key_${hash}`)} ON ${quoteTable(table)} (${columns}) NULLS NOT DISTINCT`,
    )
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '23505') throw error
    throw new ConnectError('destination_has_duplicates', {
      details: { table: quoteTable(table), key: [...key] },
      cause: error,
    })
  }
}
