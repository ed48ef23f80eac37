import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { newestFirst, sameKey, type Merge } from './merge-sql.ts'

/**
 * The rows of a production table that a merge in a sandbox would meet there. The sandbox's own table begins
 * empty; before each merge the rows of the staged keys are fetched, so that the merge does what it would do
 * in production. Plain data: it crosses a thread.
 */
export interface MetRows {
  readonly from: TableName
  /** The table of the sandbox that keeps the rows as they were. */
  readonly before: TableName
  /**
   * All columns of the sandbox's table, with the expressions (over `p`, a row of production) that give their
   * values.
   */
  readonly columns: readonly { readonly name: string; readonly expression: string }[]
  /**
   * Set if production has no index of the key yet, and hard deletes: a sync then begins by removing all but
   * the newest row of each key, and of these the ones that this column says are deleted.
   */
  readonly removedBy?: string
}

/** How long reading production may take for one merge. */
const readTimeout = '60s'

/**
 * Statements that come before those of the merge, in its transaction. Production is only read; each of its
 * rows is fetched once.
 */
export function bringMetRows(merge: Merge, met: MetRows): string[] {
  const columns = met.columns.map(({ name }) => quote(name)).join(', ')
  const values = met.columns
    .map(({ name, expression }) => `${expression} AS ${quote(name)}`)
    .join(', ')
  const key = merge.key.map(quote).join(', ')
  // As dedupStatement (merge-sql.ts) leaves the table.
  const alive = met.removedBy === undefined ? '' : `WHERE ${quote(met.removedBy)} IS NULL`
  return [
    `SET LOCAL statement_timeout = '${readTimeout}'`,
    `WITH met AS (
       INSERT INTO ${quoteTable(met.before)} (${columns})
       SELECT ${columns} FROM (
         SELECT DISTINCT ON (${key}) ${columns}
           FROM (SELECT ${values}, p.ctid AS ctid FROM ${quoteTable(met.from)} p) s
          WHERE EXISTS (SELECT FROM ${merge.source} d WHERE ${sameKey(merge, 's', 'd')})
            AND NOT EXISTS (SELECT FROM ${quoteTable(met.before)} b WHERE ${sameKey(merge, 'b', 's')})
          ORDER BY ${key}, ${newestFirst(merge, 'ctid')}) newest ${alive}
       RETURNING ${columns})
     INSERT INTO ${quoteTable(merge.target)} (${columns}) SELECT ${columns} FROM met`,
    'SET LOCAL statement_timeout = 0',
  ]
}
