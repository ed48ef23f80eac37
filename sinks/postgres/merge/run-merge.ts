import { sqlstates } from '../../../postgres/sqlstate.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { isOverLimit, takeLongKeys, type LongKey } from './long-keys.ts'
import { checkedUpsertStatement, lateRowsQuery, pruneStatements } from './checked-merge-sql.ts'
import { countedUpsertStatement, fillStatements, upsertStatement, type Merge } from './merge-sql.ts'
import {
  readTriggers,
  requireKeysKept,
  requireOrderKept,
  requireRows,
  type RowAccount,
  type RowEvent,
  type RowPlace,
} from '../tables/row-account.ts'
import type { DestinationSession } from '../session.ts'

export interface MergeOptions extends RowPlace {
  /** Rows of the source. */
  readonly rows: number
  /** Statements that come before … */
  readonly first?: readonly string[]
  /** … and after the values of the rows were completed. */
  readonly then?: readonly string[]
}

export interface MergeOutcome {
  /** The merge that was needed. */
  readonly merge: Merge
  /** Rows that were left out, because no index can hold their key. */
  readonly longKeys: readonly LongKey[]
  /** Rows that are not in the table now, since the source marks them as deleted. */
  readonly deleted: number
}

interface MergeAccount extends RowAccount {
  readonly deleted: number
}

interface CheckedAccount extends MergeAccount {
  /** Rows that a trigger gave another key. */
  readonly moved: number
  /** Rows that a trigger gave a later cursor or time. */
  readonly late: number
}

/**
 * Merges the rows of the source, inside of a transaction that holds the table's merge lock, and checks that
 * every row which had to change did. Most batches have each key once, and nothing that is older than the
 * table: then one count of the server is enough. The sort that finds the newest of several rows, and the join
 * that counts older ones, are for those that turn out to need them, and for tables with triggers.
 */
export async function runMerge(
  session: DestinationSession,
  merge: Merge,
  { rows, first = [], then = [], ...place }: MergeOptions,
): Promise<MergeOutcome> {
  const before = [...first, ...fillStatements(merge), ...then]
  if (before.length > 0) await session.run(before.join(';\n'))
  try {
    const done = await mergeRows(session, merge, { rows, ...place })
    return { ...done, longKeys: [] }
  } catch (error) {
    if (!isOverLimit(error)) throw error
    await session.rollbackTo('merge')
    const longKeys = await takeLongKeys(session, merge)
    if (longKeys.length === 0) throw error
    const left = { rows: rows - longKeys.length, ...place }
    return { ...(await mergeRows(session, merge, left)), longKeys }
  }
}

async function mergeRows(
  session: DestinationSession,
  merge: Merge,
  { rows, ...place }: Omit<MergeOptions, 'first' | 'then'>,
): Promise<Omit<MergeOutcome, 'longKeys'>> {
  const triggers = await readTriggers(session, merge.target)
  if (triggers !== 'none') return mergeChecked(session, merge, { triggers, place })
  const [done, account] = await mergeCheaply(session, merge, rows)
  if (account.done === account.due) return { merge: done, deleted: account.deleted }
  await session.rollbackTo('merge')
  const sql = countedUpsertStatement(done, { olderRows: 'counted' })
  const exact = await count(session, sql, 'merge')
  await requireRows(session, place, { ...exact, events: eventsOf(merge) })
  return { merge: done, deleted: exact.deleted }
}

function eventsOf({ deletes }: Merge): readonly RowEvent[] {
  return ['insert', 'update', ...(deletes?.how === 'hard' ? (['delete'] as const) : [])]
}

async function mergeCheaply(
  session: DestinationSession,
  merge: Merge,
  rows: number,
): Promise<readonly [Merge, MergeAccount]> {
  try {
    if (merge.hasRepeatedKeys) {
      const sql = countedUpsertStatement(merge, { olderRows: 'ignored' })
      return [merge, await count(session, sql, 'merge')]
    }
    const { changed } = await session.write(upsertStatement(merge), 'merge')
    return [merge, { due: rows, done: changed, deleted: 0 }]
  } catch (error) {
    if (merge.hasRepeatedKeys || !isRepeatedKey(error)) throw error
    await session.rollbackTo('merge')
    return mergeCheaply(session, { ...merge, hasRepeatedKeys: true }, rows)
  }
}

/**
 * Into a table with triggers, which may leave rows out, and change their keys, or what says which of two
 * versions is newer.
 */
async function mergeChecked(
  session: DestinationSession,
  merge: Merge,
  { triggers, place }: { readonly triggers: 'immediate' | 'deferred'; readonly place: RowPlace },
): Promise<Omit<MergeOutcome, 'longKeys'>> {
  const write = async (): Promise<CheckedAccount> => {
    await session.run(pruneStatements(merge), 'merge')
    return count<CheckedAccount>(session, checkedUpsertStatement(merge))
  }
  let account = await write()
  if (account.moved === 0 && account.due !== account.done) {
    // Somebody else may have written newer rows since the older ones were taken out.
    await session.rollbackTo('merge')
    account = await write()
  }
  // Before the others: the row of a record that has another key is not found by its own.
  await requireKeysKept(session, place, account.moved)
  await requireRows(session, place, { ...account, events: eventsOf(merge) })
  const cursor = merge.cursor?.name
  await requireOrderKept(session, place, { late: account.late, cursor, by: 'row before' })
  if (triggers === 'deferred') await session.run('SET CONSTRAINTS ALL IMMEDIATE')
  const [after] = await session.rows<{ late: number }>(lateRowsQuery(merge))
  await requireOrderKept(session, place, { late: after?.late ?? 0, cursor, by: 'after' })
  return { merge, deleted: account.deleted }
}

async function count<T extends MergeAccount = MergeAccount>(
  session: DestinationSession,
  sql: string,
  savepoint?: string,
): Promise<T> {
  const { rows } = await session.write<T & Record<string, unknown>>(sql, savepoint)
  const [row] = rows
  if (row === undefined) throw new TypeError('a count has no row')
  return row
}

/** cardinality_violation: a statement would change the same row twice. */
function isRepeatedKey(error: unknown): boolean {
  return error instanceof ConnectError && error.details.sqlstate === sqlstates.cardinalityViolation
}
