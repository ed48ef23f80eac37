import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts'
import { explain } from './explain.ts'
import { compared, type CursorRead } from './read-ordered.ts'
import type { CursorState } from './states.ts'
import type { SourceColumn } from './stream-source.ts'

/** Columns that were not read before, and have values in rows that were. */
export interface NewColumns {
  readonly names: readonly string[]
  /** Undefined: to count them would take too long. */
  readonly rows: number | undefined
}

/**
 * Finds, among columns that were not read until the state, those that have values in rows below its cursor:
 * the source sends these rows again only when they change. `ADD COLUMN … DEFAULT` gives every row a value,
 * and so does renaming a column. A new column that has neither a value for older rows nor a default costs no
 * query of the table, unless that is cheap.
 */
export async function findNewColumns(
  read: Pick<CursorRead, 'session' | 'source' | 'cursor'>,
  saved: CursorState,
  names: readonly string[],
): Promise<NewColumns | undefined> {
  const columns = read.source.columns.filter(
    ({ name, mask }) => names.includes(name) && mask?.as !== 'null',
  )
  if (columns.length === 0 || saved.cursor === null) return undefined
  const older = olderRows(read, columns, saved.cursor)
  const cost = (await explain(read.session, read.source, older))?.['Total Cost'] ?? Infinity
  const likely = cost > cheapCost ? await likelyColumns(read, columns, saved) : columns
  if (likely.length === 0) return undefined
  if (cost > highestCost) return { names: likely.map(({ name }) => name), rows: undefined }
  const [found] = await read.session.userRows<{ readonly rows: string; readonly with: string[] }>(
    `SELECT count(*)::text AS rows, array_remove(ARRAY[${likely.map(nameIfFilled).join(', ')}], NULL) AS "with" FROM (${olderRows(read, likely, saved.cursor)}) older`,
    { stream: read.source.name },
  )
  if (found === undefined || found.rows === '0') return undefined
  return { names: found.with, rows: Number(found.rows) }
}

/**
 * In units of the planner: about 10,000 pages (80 MB) of a table, a few tenths of a second; and 1,000,000
 * pages (8 GB), which happens only when a column with a default is new.
 */
const cheapCost = 10_000
const highestCost = 1_000_000

/** Rows at the cursor itself come again when the columns have changed. */
function olderRows(
  read: Pick<CursorRead, 'source' | 'cursor'>,
  columns: readonly SourceColumn[],
  cursor: string,
): string {
  const { from, where } = read.source
  const own = where === undefined ? '' : `${where} AND `
  const place = quoteIdentifier(read.cursor.name)
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  return `SELECT ${list} FROM ${from} WHERE ${own}(${place} ${compared(read, '<', cursor)} OR ${place} IS NULL) AND pg_catalog.num_nonnulls(${list}) OPERATOR(pg_catalog.>) 0`
}

function nameIfFilled({ name }: SourceColumn): string {
  const column = quoteIdentifier(name)
  return `CASE WHEN count(${column}) OPERATOR(pg_catalog.>) 0 THEN ${quoteLiteral(name)}::text END`
}

/**
 * By the catalog alone: older rows got a value when the column was added, the table was rewritten with a
 * default, or the column is not the newest one of the table.
 */
async function likelyColumns(
  { session, source }: Pick<CursorRead, 'session' | 'source'>,
  columns: readonly SourceColumn[],
  { identities = [] }: CursorState,
): Promise<readonly SourceColumn[]> {
  const newest = Math.max(...identities.map(([, number]) => number))
  const rows = await session.rows<{ readonly name: string }>(
    `SELECT a.attname::text AS name FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = $1 AND a.attname = ANY ($2::text[])
        AND (a.attnum <= $3 OR a.atthasmissing OR a.atthasdef OR a.attidentity <> '' OR EXISTS (
          SELECT FROM pg_catalog.pg_partition_tree(a.attrelid) p
            JOIN pg_catalog.pg_attribute b ON b.attrelid = p.relid AND b.attname = a.attname
           WHERE b.atthasmissing))`,
    [source.table.oid, columns.map(({ name }) => name), newest],
  )
  const likely = new Set(rows.map(({ name }) => name))
  return columns.filter(({ name }) => likely.has(name))
}
