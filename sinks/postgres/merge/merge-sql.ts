import { operatorIn } from '../../../postgres/search-path.ts'
import { quoteIdentifier as quote, quoteLiteral } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { isEqual, isSame } from './operators.ts'
import type { CursorColumn } from '../tables/stream-target.ts'

/**
 * The SQL that merges staged rows into a table with one row per key. Of several rows of a key the newest
 * counts: the highest cursor (nulls are the oldest), then the latest extraction, then the one that came last.
 * An older row never replaces a newer one that is in the table.
 *
 * Alternatives, as measured (us of server CPU a row, 2026-11, PERFORMANCE.md): INSERT … ON CONFLICT and MERGE
 * cost the same (4.5 to 5.3 where all keys exist, 1.6 to 1.9 into an empty table). ON CONFLICT was taken
 * because its index treats null keys as equal, and MERGE's join does not. Batches of 60,000 rows whose keys
 * all exist, 12 columns, one connection on 2 cores: ON CONFLICT 6.9; without the sort that finds the newest
 * row of a key 5.8; UPDATE … FROM 8.9; MERGE 9.1 (the planner hashes the whole table); DELETE and INSERT 8.0.
 */
export interface Merge {
  readonly target: TableName
  /** A staging table (staging.ts), quoted: `_reactor_seq` says which of two rows came later. */
  readonly source: string
  /** All columns that are merged, key and metadata included. */
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** The schema of the operators that compare values of a column. */
  readonly operatorsOf: (column: string) => string
  readonly cursor: (CursorColumn & { readonly isText: boolean }) | undefined
  /**
   * The column of deletes, if the source may have some; `hard` removes the row, `soft` keeps its last values.
   */
  readonly deletes: { readonly column: string; readonly how: 'hard' | 'soft' } | undefined
  /** Columns that some of the rows lack (named in `_reactor_missing`): the value there is stays. */
  readonly missing: readonly string[]
  /** The source may have rows whose key has a null. */
  readonly hasNullKeys: boolean
  /**
   * The source may have several rows of a key. If it may not and has, the server refuses with SQLSTATE 21000.
   */
  readonly hasRepeatedKeys: boolean
}

/**
 * Completes the rows of the source, before they are written. In one transaction with that, which holds the
 * table's merge lock.
 */
export function fillStatements(merge: Merge): string[] {
  const softDeletes = merge.deletes?.how === 'soft' ? [merge.deletes.column] : []
  return [
    ...merge.missing.flatMap((column) => [
      fillMissingFromBatch(merge, column),
      fillMissingFromTable(merge, column),
    ]),
    ...softDeletes.flatMap((column) => [
      fillDeletedFromBatch(merge, column),
      fillDeletedFromTable(merge, column),
    ]),
  ]
}

/**
 * Writes rows that have each key once, and delete nothing: the server's count of rows is that of the source,
 * or some were left out.
 */
export function upsertStatement(merge: Merge): string {
  const { columns, newest, conflict } = upsertClauses(merge)
  return `INSERT INTO ${quoteTable(merge.target)} AS t (${columns}) ${newest} ${conflict}`
}

/**
 * Writes the newest row of each key, and carries out deletes. Selects how many rows of the table had to
 * change (`due`) and did (`done`), and how many rows of the source are not in it now, since they are
 * `deleted`. `olderRows`: rows of the source that are older than the table's change nothing; to count them
 * costs a join, `due` is too high without.
 */
export function countedUpsertStatement(
  merge: Merge,
  { olderRows }: { readonly olderRows: 'counted' | 'ignored' },
): string {
  const { columns, newest, conflict } = upsertClauses(merge)
  const target = quoteTable(merge.target)
  const { deletedAt, gone, written } = deleteClauses(merge)
  const pairs = `${target} t JOIN newest n ON ${sameKey(merge, 't', 'n')}`
  const isNewerRow = isNewer(merge, 'n')
  const steps = [
    `newest AS MATERIALIZED (${newest})`,
    ...(gone
      ? [`deleted AS (DELETE FROM ${target} t USING newest n WHERE ${gone} RETURNING 1)`]
      : []),
    `written AS (INSERT INTO ${target} AS t (${columns})
       SELECT ${columns} FROM newest n ${written} ${conflict} RETURNING 1)`,
  ]
  const older = countOf(`(SELECT n.* FROM ${pairs} WHERE ${isNewerRow} IS NOT TRUE) n ${written}`)
  const due = [
    countOf(`newest n ${written}`),
    ...(gone ? [`${plus} ${countOf(`${target} t, newest n WHERE ${gone}`)}`] : []),
    ...(olderRows === 'counted' ? [`${minus} ${older}`] : []),
  ]
  const isOlder = `SELECT FROM ${target} t WHERE ${sameKey(merge, 't', 'n')} AND ${isNewerRow} IS NOT TRUE`
  const deleted = deletedAt
    ? countOf(`newest n WHERE ${deletedAt} IS NOT NULL AND NOT EXISTS (${isOlder})`)
    : '0'
  const done = [countOf('written'), ...(gone ? [`${plus} ${countOf('deleted')}`] : [])]
  // All parts see the table as it was before; a key is in one of them only.
  return `WITH ${steps.join(', ')} SELECT (${due.join(' ')})::pg_catalog.float8 AS due,
    (${done.join(' ')})::pg_catalog.float8 AS done, ${deleted}::pg_catalog.float8 AS deleted`
}

/**
 * For rows `n` of the source: the rows `t` of the table that they make `gone`, and the condition for the rows
 * that are `written`.
 */
export function deleteClauses(merge: Merge): {
  readonly deletedAt: string | undefined
  readonly gone: string | undefined
  readonly written: string
} {
  if (merge.deletes?.how !== 'hard') return { deletedAt: undefined, gone: undefined, written: '' }
  const deletedAt = `n.${quote(merge.deletes.column)}`
  const gone = `${deletedAt} IS NOT NULL AND ${sameKey(merge, 't', 'n')} AND ${isNewer(merge, 'n')}`
  return { deletedAt, gone, written: `WHERE ${deletedAt} IS NULL` }
}

export const plus = operatorIn('pg_catalog', '+')
export const minus = operatorIn('pg_catalog', '-')

export function countOf(from: string): string {
  return `(SELECT pg_catalog.count(*) FROM ${from})`
}

export function upsertClauses(merge: Merge): {
  readonly columns: string
  readonly newest: string
  readonly conflict: string
} {
  const columns = merge.columns.map(quote).join(', ')
  const key = merge.key.map(quote).join(', ')
  const updated = merge.columns.filter((column) => !merge.key.includes(column)).map(quote)
  const sets = updated.map((column) => `${column} = excluded.${column}`).join(', ')
  const newest = merge.hasRepeatedKeys
    ? `SELECT DISTINCT ON (${key}) ${columns} FROM ${merge.source} s
     ORDER BY ${key}, ${newestFirst(merge, '_reactor_seq')}`
    : `SELECT ${columns} FROM ${merge.source} s`
  const conflict = `ON CONFLICT (${key}) DO UPDATE SET ${sets} WHERE ${isNewer(merge, 'excluded')}`
  return { columns, newest, conflict }
}

/**
 * The row `from` is as new as the row `than` of the table, or newer. A row of the table without a time is
 * older.
 */
export function isNewer(merge: Merge, from: string, than: 't' | 'w' = 't'): string {
  const time = `(${than}._airbyte_extracted_at IS NULL
     OR ${from}._airbyte_extracted_at OPERATOR(pg_catalog.>=) ${than}._airbyte_extracted_at)`
  if (merge.cursor === undefined) return time
  const incoming = cursorOf(merge.cursor, from)
  const existing = cursorOf(merge.cursor, than)
  const { name, path } = merge.cursor
  const schema = path.length === 0 ? merge.operatorsOf(name) : 'pg_catalog'
  return `(${incoming} ${operatorIn(quote(schema), '>')} ${existing} OR (${existing} IS NULL AND ${incoming} IS NOT NULL)
     OR (${isSame(incoming, existing, schema)} AND ${time}))`
}

/** The order of rows `s`; `order` is the column that says which row came later. */
export function newestFirst(merge: Merge, order: '_reactor_seq' | 'ctid'): string {
  return [
    ...(merge.cursor === undefined ? [] : [`${cursorOf(merge.cursor, 's')} DESC NULLS LAST`]),
    's._airbyte_extracted_at DESC NULLS LAST',
    `s.${order} DESC`,
  ].join(', ')
}

function oldestFirst(merge: Merge): string {
  return newestFirst(merge, '_reactor_seq')
    .replaceAll(' DESC NULLS LAST', ' ASC NULLS FIRST')
    .replace(/ DESC$/, ' ASC')
}

/**
 * A cursor inside of a JSON column is compared as jsonb; text by its bytes, not by the rules of a language.
 */
function cursorOf({ name, path, isText }: NonNullable<Merge['cursor']>, alias: string): string {
  const column = `${alias}.${quote(name)}`
  if (path.length === 0) return isText ? `${column} COLLATE pg_catalog."C"` : column
  const steps = path.map(quoteLiteral).join(', ')
  return `(${column} OPERATOR(pg_catalog.#>) ARRAY[${steps}]::pg_catalog.text[])`
}

/** `=` can use an index and `IS NOT DISTINCT FROM` cannot. */
export function sameKey(merge: Merge, left: string, right: string): string {
  const compare = merge.hasNullKeys ? isSame : isEqual
  return merge.key
    .map((column) => {
      const name = quote(column)
      return compare(`${left}.${name}`, `${right}.${name}`, merge.operatorsOf(column))
    })
    .join(' AND ')
}

/**
 * Pairs of rows of the batch: one that needs values (`taker`), and the last row before it, of the same key,
 * that has them (`giver`). Rows that have values begin a new group within their key; the others follow in the
 * same group.
 */
function pairs(merge: Merge, needs: string): string {
  const key = merge.key.map(quote).join(', ')
  return `SELECT taker, giver FROM (
       SELECT taker, needs, rows_before, pg_catalog.first_value(taker) OVER (PARTITION BY ${key}, rows_before ORDER BY place) AS giver
         FROM (SELECT ${key}, s.ctid AS taker, ${needs} AS needs,
                      pg_catalog.row_number() OVER w AS place,
                      pg_catalog.count(*) FILTER (WHERE NOT ${needs}) OVER w AS rows_before
                 FROM ${merge.source} s
               WINDOW w AS (PARTITION BY ${key} ORDER BY ${oldestFirst(merge)} ROWS UNBOUNDED PRECEDING)) g
     ) p WHERE needs AND rows_before OPERATOR(pg_catalog.>) 0`
}

function lacks(column: string, alias: string): string {
  return `coalesce(${alias}._reactor_missing OPERATOR(pg_catalog.@>) ARRAY[${quoteLiteral(column)}]::pg_catalog.text[], false)`
}

function fillMissingFromBatch(merge: Merge, column: string): string {
  const quoted = quote(column)
  return `UPDATE ${merge.source} d
     SET ${quoted} = g.${quoted}, _reactor_missing = pg_catalog.array_remove(d._reactor_missing, ${quoteLiteral(column)}::pg_catalog.text)
     FROM ${merge.source} g, (${pairs(merge, lacks(column, 's'))}) p
     WHERE d.ctid OPERATOR(pg_catalog.=) p.taker AND g.ctid OPERATOR(pg_catalog.=) p.giver`
}

function fillMissingFromTable(merge: Merge, column: string): string {
  const quoted = quote(column)
  return `UPDATE ${merge.source} d SET ${quoted} = t.${quoted} FROM ${quoteTable(merge.target)} t
     WHERE ${lacks(column, 'd')} AND ${sameKey(merge, 't', 'd')}`
}

/**
 * The values that a record of a delete does not have: all but the key, the metadata and the values that it
 * has.
 */
function lastValues(merge: Merge, from: string): string {
  return merge.columns
    .filter((column) => !merge.key.includes(column) && !column.startsWith('_airbyte_'))
    .map((column) => `${quote(column)} = coalesce(d.${quote(column)}, ${from}.${quote(column)})`)
    .join(', ')
}

/** An empty `_reactor_missing` marks the delete as filled. */
function fillDeletedFromBatch(merge: Merge, deletedAt: string): string {
  return `UPDATE ${merge.source} d SET ${lastValues(merge, 'g')}, _reactor_missing = '{}'
     FROM ${merge.source} g, (${pairs(merge, `(s.${quote(deletedAt)} IS NOT NULL)`)}) p
     WHERE d.ctid OPERATOR(pg_catalog.=) p.taker AND g.ctid OPERATOR(pg_catalog.=) p.giver`
}

function fillDeletedFromTable(merge: Merge, deletedAt: string): string {
  return `UPDATE ${merge.source} d SET ${lastValues(merge, 't')} FROM ${quoteTable(merge.target)} t
     WHERE d.${quote(deletedAt)} IS NOT NULL AND (d._reactor_missing IS NULL OR d._reactor_missing OPERATOR(pg_catalog.<>) '{}'::pg_catalog.text[])
       AND ${sameKey(merge, 't', 'd')}`
}

/**
 * Removes all but the newest row of each key, and hard deletes: for a table that was appended to until now.
 * Selects how many rows had to go (`due`) and went (`done`).
 */
export function dedupStatement(merge: Merge): string {
  const target = quoteTable(merge.target)
  return `WITH r AS MATERIALIZED (${superfluousRows(merge, target)}),
     deleted AS (DELETE FROM ${target} t USING r
       WHERE t.tableoid OPERATOR(pg_catalog.=) r.part AND t.ctid OPERATOR(pg_catalog.=) r.tid RETURNING 1)
     SELECT ${countOf('r')}::pg_catalog.float8 AS due, ${countOf('deleted')}::pg_catalog.float8 AS done`
}

/**
 * Selects the rows that `dedupStatement` removes: partition (each counts its rows again) and `tid`. `from`:
 * the table, or a query that gives its rows with their tableoid and ctid.
 */
export function superfluousRows(merge: Merge, from: string): string {
  const key = merge.key.map(quote).join(', ')
  const isDeleted =
    merge.deletes?.how === 'hard' ? `s.${quote(merge.deletes.column)} IS NOT NULL` : 'false'
  return `SELECT part, tid FROM (
       SELECT s.tableoid AS part, s.ctid AS tid, ${isDeleted} AS deleted,
              pg_catalog.row_number() OVER (PARTITION BY ${key} ORDER BY ${newestFirst(merge, 'ctid')}) AS place
         FROM ${from} s) ranked WHERE place OPERATOR(pg_catalog.>) 1 OR deleted`
}
