import { operatorIn } from '../../../postgres/search-path.ts'
import { quoteIdentifier as quote, quoteLiteral } from '../../../postgres/quote.ts'
import type { DestinationSession } from '../session.ts'
import { requireRows, type RowAccount, type RowPlace } from '../tables/row-account.ts'
import { quoteTable } from '../tables/identifiers.ts'
import { countOf, type Merge } from './merge-sql.ts'

/**
 * A record of changes without a key that is marked as deleted is a sweep: every row that is older is gone. A
 * source sends it for TRUNCATE, and when it has read all rows again.
 */
export interface Swept {
  /** For after the values of the staged rows were completed. */
  readonly then: readonly string[]
  /** Staged rows that were removed. */
  readonly removed: number
}

/** Carries out the sweeps among the staged rows, in the transaction that merges the others. */
export async function sweepRows(
  session: DestinationSession,
  merge: Merge,
  place: RowPlace,
): Promise<Swept> {
  const { cursor, deletes, source } = merge
  if (cursor === undefined || deletes === undefined) throw new TypeError('a sweep needs an order')
  const order = `s.${quote(cursor.name)}`
  const deletedAt = quote(deletes.column)
  const isSweep = [
    ...merge.key.map((name) => `s.${quote(name)} IS NULL`),
    `s.${deletedAt} IS NOT NULL`,
  ].join(' AND ')
  const [newest] = await session.rows<{ bound: string | null; moment: string }>(
    `SELECT ${order}::pg_catalog.text AS bound, s.${deletedAt}::pg_catalog.text AS moment FROM ${source} s
      WHERE ${isSweep} ORDER BY ${order} DESC NULLS LAST LIMIT 1`,
  )
  if (newest?.bound == null) return { then: [], removed: 0 }
  const less = operatorIn(quote(merge.operatorsOf(cursor.name)), '<')
  const bound = quoteLiteral(newest.bound)
  const isOlder = (alias: string): string =>
    `(${alias}.${quote(cursor.name)} IS NULL OR ${alias}.${quote(cursor.name)} ${less} ${bound})`
  const moment = quoteLiteral(newest.moment)
  const isHard = deletes.how === 'hard'
  const { changed: removed } = await session.write(
    `DELETE FROM ${source} s WHERE (${isSweep})${isHard ? ` OR ${isOlder('s')}` : ''}`,
  )
  const target = quoteTable(merge.target)
  const { statement, rows, event } = isHard
    ? { statement: `DELETE FROM ${target} t`, rows: isOlder('t'), event: 'delete' as const }
    : {
        statement: `UPDATE ${target} t SET ${deletedAt} = ${moment}`,
        rows: `${isOlder('t')} AND t.${deletedAt} IS NULL`,
        event: 'update' as const,
      }
  await changeRows(
    session,
    { sql: `${statement} WHERE ${rows}`, rows: `${target} t WHERE ${rows}` },
    (account) => requireRows(session, place, { ...account, events: [event] }),
  )
  if (isHard) return { then: [], removed }
  const mark = `UPDATE ${source} s SET ${deletedAt} = ${moment} WHERE ${isOlder('s')} AND s.${deletedAt} IS NULL`
  return { then: [mark], removed }
}

/** Runs the statement, and gives how many rows it had to change and did. */
async function changeRows(
  session: DestinationSession,
  { sql, rows }: { readonly sql: string; readonly rows: string },
  check: (account: RowAccount) => Promise<void>,
): Promise<void> {
  const { rows: counts } = await session.write<{ due: number; done: number }>(
    `WITH swept AS (${sql} RETURNING 1)
     SELECT ${countOf(rows)}::pg_catalog.float8 AS due,
       ${countOf('swept')}::pg_catalog.float8 AS done`,
  )
  const [account] = counts
  if (account === undefined) throw new TypeError('a count has no row')
  await check(account)
}

/** Whether staged rows have a NULL in their key. */
export async function hasNullKeys(
  session: DestinationSession,
  { source, key }: Pick<Merge, 'source' | 'key'>,
): Promise<boolean> {
  const isNull = key.map((name) => `s.${quote(name)} IS NULL`).join(' OR ')
  const [row] = await session.rows<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${source} s WHERE ${isNull}) AS found`,
  )
  return row?.found === true
}
