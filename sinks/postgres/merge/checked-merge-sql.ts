import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { quoteTable } from '../tables/identifiers.ts'
import {
  countOf,
  deleteClauses,
  isNewer,
  minus,
  newestFirst,
  plus,
  sameKey,
  upsertClauses,
  type Merge,
} from './merge-sql.ts'
import { isEqual, isSame } from './operators.ts'

/**
 * The SQL of a merge into a table with triggers, which may do what the server's count of rows does not show.
 * It costs a sort and joins more than that of other tables.
 */

/**
 * Leaves in the source only the rows that have to be written: the newest of each key, unless the table has a
 * newer one.
 */
export function pruneStatements(merge: Merge): string {
  const key = merge.key.map(quote).join(', ')
  return `DELETE FROM ${merge.source} d USING (
       SELECT s.ctid AS tid, pg_catalog.row_number() OVER (PARTITION BY ${key} ORDER BY ${newestFirst(merge, '_reactor_seq')}) AS place
         FROM ${merge.source} s) ranked
     WHERE d.ctid OPERATOR(pg_catalog.=) ranked.tid AND ranked.place OPERATOR(pg_catalog.>) 1;
     DELETE FROM ${merge.source} n USING ${quoteTable(merge.target)} t
      WHERE ${sameKey(merge, 't', 'n')} AND ${isNewer(merge, 'n')} IS NOT TRUE`
}

/**
 * Writes the rows of a source that was pruned, and carries out deletes. Selects `due`, `done` and `deleted`
 * as `countedUpsertStatement` does, but rows that a trigger left as they were are not `done`; and how many
 * rows it gave another key than their records have (`moved`), or a later cursor or time (`late`). Records and
 * rows are compared in the order in which they were written: a trigger may exchange the keys of two records.
 */
export function checkedUpsertStatement(merge: Merge): string {
  const { columns, conflict } = upsertClauses(merge)
  const target = quoteTable(merge.target)
  const { deletedAt, gone, written } = deleteClauses(merge)
  const steps = [
    `newest AS MATERIALIZED (SELECT ${columns} FROM ${merge.source} s)`,
    ...(gone
      ? [`deleted AS (DELETE FROM ${target} t USING newest n WHERE ${gone} RETURNING 1)`]
      : []),
    `written AS (INSERT INTO ${target} AS t (${columns})
       SELECT ${columns} FROM newest n ${written} ${conflict} RETURNING ${returned(merge)})`,
    `records AS (SELECT n.*, pg_catalog.row_number() OVER () AS _reactor_place FROM newest n ${written})`,
    `results AS (SELECT w.*, pg_catalog.row_number() OVER () AS _reactor_place FROM written w)`,
    `pairs AS (SELECT ${sameKey(merge, 'w', 'n')} AS is_kept, ${isNewer(merge, 'n', 'w')} AS is_ordered
       FROM records n JOIN results w ON w._reactor_place OPERATOR(pg_catalog.=) n._reactor_place)`,
  ]
  const due = [
    countOf('records'),
    ...(gone ? [`${plus} ${countOf(`${target} t, newest n WHERE ${gone}`)}`] : []),
  ]
  const done = [
    countOf('written'),
    ...(gone ? [`${plus} ${countOf('deleted')}`] : []),
    `${minus} ${countOf(keptAsTheyWere(merge))}`,
  ]
  const deleted = deletedAt ? countOf(`newest n WHERE ${deletedAt} IS NOT NULL`) : '0'
  const isWhole = `${countOf('written')} OPERATOR(pg_catalog.=) ${countOf('records')}`
  // Without the rows that were left out, the places do not fit.
  const strangers = countOf(
    `written w WHERE NOT EXISTS (SELECT FROM newest n WHERE ${sameKey(merge, 'w', 'n')})`,
  )
  const moved = `CASE WHEN ${isWhole} THEN ${countOf('pairs WHERE is_kept IS NOT TRUE')} ELSE ${strangers} END`
  const late = `CASE WHEN ${isWhole} THEN ${countOf('pairs WHERE is_ordered IS NOT TRUE')} ELSE 0 END`
  return `WITH ${steps.join(', ')} SELECT (${due.join(' ')})::pg_catalog.float8 AS due,
    (${done.join(' ')})::pg_catalog.float8 AS done, (${deleted})::pg_catalog.float8 AS deleted,
    (${moved})::pg_catalog.float8 AS moved, (${late})::pg_catalog.float8 AS late`
}

/**
 * Selects how many rows have a later cursor or time than their records, once the triggers that come after the
 * statement have run.
 */
export function lateRowsQuery(merge: Merge): string {
  const { deletedAt } = deleteClauses(merge)
  const conditions = [
    `${isNewer(merge, 'n')} IS NOT TRUE`,
    ...(deletedAt === undefined ? [] : [`${deletedAt} IS NULL`]),
  ]
  const pairs = `${quoteTable(merge.target)} t JOIN ${merge.source} n ON ${sameKey(merge, 't', 'n')}`
  return `SELECT ${countOf(`${pairs} WHERE ${conditions.join(' AND ')}`)}::pg_catalog.float8 AS late`
}

const extractedAt = '_airbyte_extracted_at'

/** The columns of its rows that `written` has. */
function returned(merge: Merge): string {
  const order = merge.cursor === undefined ? [] : [quote(merge.cursor.name)]
  const places = [...new Set([...merge.key.map(quote), ...order, extractedAt])].map(
    (column) => `t.${column}`,
  )
  return [...places, `${contentOf(merge, 't')} AS content`].join(', ')
}

/**
 * Rows that were written and are those of before still, though the record has other values. The time alone
 * does not say so: a trigger may keep that one and let the values in.
 */
function keptAsTheyWere(merge: Merge): string {
  const timeOf = (alias: string): string => `${alias}.${extractedAt}`
  return `written w, newest n, ${quoteTable(merge.target)} t
    WHERE ${sameKey(merge, 'w', 'n')} AND ${sameKey(merge, 't', 'n')}
      AND ${isSame(timeOf('w'), timeOf('t'), 'pg_catalog')} AND NOT ${isSame(timeOf('w'), timeOf('n'), 'pg_catalog')}
      AND ${isEqual('w.content', contentOf(merge, 't'), 'pg_catalog')} AND NOT ${isEqual('w.content', contentOf(merge, 'n'), 'pg_catalog')}`
}

/** A hash of all values but the key and the metadata: not every type has an `=`. */
function contentOf(merge: Merge, alias: string): string {
  const values = merge.columns
    .filter((column) => !merge.key.includes(column) && !column.startsWith('_airbyte_'))
    .map((column) => `${alias}.${quote(column)}`)
  return `pg_catalog.sha256(pg_catalog.textsend(ROW(${values.join(', ')})::pg_catalog.text))`
}
