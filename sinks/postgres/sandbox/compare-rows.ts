import { actualTypeOf, isChosen } from '../tables/column-types.ts'
import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { isEqual } from '../merge/operators.ts'

/** Two sets of rows that are compared: those that a sandbox has, and those that a production table has. */
export interface Comparison {
  /** The sandbox's rows. */
  readonly after: TableName
  /** A table, or a query in parentheses, with the same columns in the same types. */
  readonly before: string
  /** The columns that identify a row; undefined if only the whole row identifies it. */
  readonly key: readonly ComparedColumn[] | undefined
  /** The columns that decide whether a row has changed. The key may be among them. */
  readonly columns: readonly ComparedColumn[]
}

export interface ComparedColumn {
  readonly name: string
  /** As Postgres writes it. */
  readonly type: string
  /** The schema of the operators that compare its values. */
  readonly operators: string
}

/** The row that `countSql` selects. */
export interface RowCountsRow {
  readonly insert: string
  readonly update: string
  readonly unchanged: string
  /** Rows before without a counterpart after. */
  readonly gone: string
}

/**
 * Counts inserts, updates and unchanged rows. Rows of one key are paired off: first those that are equal,
 * then the others, as updates; what is left of one side is inserted or gone. So it also counts if a key is
 * not unique, and if everything is the key.
 *
 * It agrees with the sink's merge because it does not repeat its rules: for a mode that merges, `after` is
 * what the sink's own statements (merge/merge-sql.ts) made of the rows in `before`, and an overwrite has no
 * rules but its rows.
 */
export function countSql({ after, before, key, columns }: Comparison): string {
  const contents = contentsOf('s', columns)
  const identity = key === undefined ? contents : recordOf('s', key)
  return `WITH r AS (
       SELECT true AS is_after, ${identity} AS k, ${contents} AS c FROM ${quoteTable(after)} s
        UNION ALL
       SELECT false, ${identity}, ${contents} FROM ${before} s),
     contents AS (
       SELECT k, count(*) FILTER (WHERE is_after) AS after, count(*) FILTER (WHERE NOT is_after) AS before
         FROM r GROUP BY k, c),
     keys AS (
       SELECT sum(after) AS after, sum(before) AS before, sum(least(after, before)) AS unchanged
         FROM contents GROUP BY k)
     SELECT coalesce(sum(after - least(after, before)), 0)::text AS insert,
            coalesce(sum(least(after, before) - unchanged), 0)::text AS update,
            coalesce(sum(unchanged), 0)::text AS unchanged,
            coalesce(sum(before - least(after, before)), 0)::text AS gone
       FROM keys`
}

/** How the values of a column change, in rows whose key exists once before and once after. */
const fates = {
  nulled: (column: string) => `b.${column} IS NOT NULL AND a.${column} IS NULL`,
  replaced: (column: string) =>
    `b.${column} IS NOT NULL AND a.${column} IS NOT NULL AND a.${column}::text IS DISTINCT FROM b.${column}::text`,
  present: (column: string) => `b.${column} IS NOT NULL`,
} as const

/** Selects, as c0, c1 …, how many values of each column meet that fate. */
export function fateSql(
  comparison: Comparison,
  key: readonly ComparedColumn[],
  { fate, columns }: { readonly fate: keyof typeof fates; readonly columns: readonly string[] },
): string {
  const counts = columns.map(
    (name, index) => `count(*) FILTER (WHERE ${fates[fate](quote(name))})::text AS c${index}`,
  )
  return `SELECT ${counts.join(', ')} FROM ${pairs(comparison, key)}`
}

/** Rows whose key is there once on both sides: `a` after, `b` before. */
function pairs(comparison: Comparison, key: readonly ComparedColumn[]): string {
  const once = (from: string): string =>
    `(SELECT s.*, ${recordOf('s', key)} AS _reactor_key,
             count(*) OVER (PARTITION BY ${recordOf('s', key)}) AS _reactor_copies FROM ${from} s)`
  return `${once(quoteTable(comparison.after))} a JOIN ${once(comparison.before)} b
         ON a._reactor_key = b._reactor_key AND a._reactor_copies = 1 AND b._reactor_copies = 1`
}

/**
 * Selects some changed rows: of each column its value before (b0, b1 …) and after (a0, …), and whether it
 * changed (d0, …).
 */
export function changedSql(
  comparison: Comparison,
  key: readonly ComparedColumn[],
  { columns, limit }: { readonly columns: readonly ComparedColumn[]; readonly limit: number },
): string {
  const cells = columns.flatMap((column, index) => [
    `${cell('b', column)} AS b${index}`,
    `${cell('a', column)} AS a${index}`,
    `${contentsOf('a', [column])} IS DISTINCT FROM ${contentsOf('b', [column])} AS d${index}`,
  ])
  return `SELECT ${cells.join(', ')} FROM ${pairs(comparison, key)}
     WHERE ${contentsOf('a', comparison.columns)} IS DISTINCT FROM ${contentsOf('b', comparison.columns)}
     ORDER BY ${order('b', key)} LIMIT ${limit}`
}

/** Selects, as c0, c1 …, some rows of one side whose key the other has not. */
export function missingSql(
  comparison: Comparison & { readonly hasNullKeys: boolean },
  {
    from,
    columns,
    limit,
  }: {
    readonly from: 'after' | 'before'
    readonly columns: readonly ComparedColumn[]
    readonly limit: number
  },
): string {
  const after = quoteTable(comparison.after)
  const [side, other] = from === 'after' ? [after, comparison.before] : [comparison.before, after]
  const cells = columns.map((column, index) => `${cell('s', column)} AS c${index}`)
  return `SELECT ${cells.join(', ')} FROM ${side} s WHERE NOT (${isInOther(comparison, other)})
     ORDER BY ${order('s', comparison.key ?? [])} LIMIT ${limit}`
}

/** A cell is cut at this number of characters. */
const cellCharacters = 200

/** The value as Postgres writes it. */
export function cell(alias: string, { name }: Pick<ComparedColumn, 'name'>): string {
  const text = `${alias}.${quote(name)}::text`
  return `CASE WHEN length(${text}) > ${cellCharacters} THEN left(${text}, ${cellCharacters}) || '…' ELSE ${text} END`
}

function order(alias: string, key: readonly ComparedColumn[]): string {
  return key.length === 0 ? '1' : key.map((column) => comparable(alias, column)).join(', ')
}

/**
 * The rows of `before` whose key is also after, as a query in parentheses. A large table is read once, or by
 * its index: `hasNullKeys` says that `=` would not find them all.
 */
export function metQuery(comparison: Comparison & { readonly hasNullKeys: boolean }): string {
  const found = isInOther(comparison, quoteTable(comparison.after))
  return `(SELECT s.* FROM ${comparison.before} s WHERE ${found})`
}

/** The row `s` has its key in the other set. */
function isInOther(
  { key, columns, hasNullKeys }: Comparison & { readonly hasNullKeys: boolean },
  other: string,
): string {
  return key === undefined || hasNullKeys
    ? `${hashOf('s', key ?? columns)} IN (SELECT ${hashOf('a', key ?? columns)} FROM ${other} a)`
    : `EXISTS (SELECT FROM ${other} a
           WHERE ${key.map(({ name, operators }) => isEqual(`a.${quote(name)}`, `s.${quote(name)}`, operators)).join(' AND ')})`
}

/** A text whose collation ignores case is the same key, and not the same value. */
function contentsOf(alias: string, columns: readonly ComparedColumn[]): string {
  const values = columns.map((column) => {
    const isText = actualTypeOf(column.type).held === 'text'
    return isText ? `${alias}.${quote(column.name)}::text COLLATE "C"` : comparable(alias, column)
  })
  return `ROW(${values.join(', ')})`
}

/** Records compare as rows of a table do, and a NULL equals a NULL. */
function recordOf(alias: string, columns: readonly ComparedColumn[]): string {
  return `ROW(${columns.map((column) => comparable(alias, column)).join(', ')})`
}

/** Equal records have the same; another may have it too. Unlike a record it can be hashed for a join. */
function hashOf(alias: string, columns: readonly ComparedColumn[]): string {
  return `hash_record_extended(${recordOf(alias, columns)}, 0)`
}

/** Types that Postgres may not be able to compare are compared by their text. */
function comparable(alias: string, { name, type }: ComparedColumn): string {
  const column = `${alias}.${quote(name)}`
  const { held } = actualTypeOf(type)
  return held === 'json' || (isChosen(held) && held !== 'uuid') ? `${column}::text` : column
}
