import { sqlstates } from '../../../postgres/sqlstate.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { isOverLimit, takeLongKeys, type LongKey } from './long-keys.ts'
import { countedUpsertStatement, fillStatements, upsertStatement, type Merge } from './merge-sql.ts'
import {
  hasRowTrigger,
  requireKeysKept,
  requireOrderKept,
  requireRows,
  type RowAccount,
  type RowPlace,
} from '../tables/row-account.ts'
import type { DestinationSession } from '../session.ts'

export interface MergeOptions extends RowPlace {
  /** Rows of the source. */
  readonly rows: number
  /** Statements that come before. */
  readonly first?: readonly string[]
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
  /** Rows that a trigger gave another key. */
  readonly moved: number
  /** Rows that a trigger gave a later cursor or time. */
  readonly late: number
}

/**
 * Merges the rows of the source, inside of a transaction that holds the table's merge lock, and checks that every row which had to
 * change did. Most batches have each key once, and nothing that is older than the table: then one count of the server is enough. The sort
 * that finds the newest of several rows, and the join that counts older ones, are for those that turn out to need them.
 */
export async function runMerge(
  session: DestinationSession,
  merge: Merge,
  { rows, first = [], ...place }: MergeOptions,
): Promise<MergeOutcome> {
  const before = [...first, ...fillStatements(merge)]
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
  { rows, ...place }: Omit<MergeOptions, 'first'>,
): Promise<Omit<MergeOutcome, 'longKeys'>> {
  const triggers = (await hasRowTrigger(session, merge.target)) ? 'checked' : 'none'
  // A trigger may move the first version of a record out of the way of the second: then the server does not refuse that a key comes twice.
  const hasRepeatedKeys = merge.hasRepeatedKeys || triggers === 'checked'
  const known = { ...merge, hasRepeatedKeys }
  const [done, account] = await mergeCheaply(session, known, { rows, triggers })
  const exact =
    account.done === account.due
      ? account
      : await countExactly(session, done, { triggers, ...place })
  // The next version of such a record would be a second row.
  await requireKeysKept(session, place, exact.moved)
  await requireOrderKept(session, place, { late: exact.late, cursor: merge.cursor?.name })
  return { merge: done, deleted: exact.deleted }
}

async function countExactly(
  session: DestinationSession,
  merge: Merge,
  { triggers, ...place }: Pick<Counting, 'triggers'> & RowPlace,
): Promise<MergeAccount> {
  await session.rollbackTo('merge')
  const exact = await count(session, merge, { olderRows: 'counted', triggers })
  const deletes = merge.deletes?.how === 'hard' ? (['delete'] as const) : []
  await requireRows(session, place, { ...exact, events: ['insert', 'update', ...deletes] })
  return exact
}

type Counting = Parameters<typeof countedUpsertStatement>[1]

async function mergeCheaply(
  session: DestinationSession,
  merge: Merge,
  { rows, triggers }: Pick<MergeOptions, 'rows'> & Pick<Counting, 'triggers'>,
): Promise<readonly [Merge, MergeAccount]> {
  try {
    if (merge.hasRepeatedKeys)
      return [merge, await count(session, merge, { olderRows: 'ignored', triggers })]
    const { changed } = await session.write(upsertStatement(merge), 'merge')
    return [merge, { due: rows, done: changed, deleted: 0, moved: 0, late: 0 }]
  } catch (error) {
    if (merge.hasRepeatedKeys || !isRepeatedKey(error)) throw error
    await session.rollbackTo('merge')
    return mergeCheaply(session, { ...merge, hasRepeatedKeys: true }, { rows, triggers })
  }
}

async function count(
  session: DestinationSession,
  merge: Merge,
  counting: Counting,
): Promise<MergeAccount> {
  const { rows } = await session.write<MergeAccount & Record<string, unknown>>(
    countedUpsertStatement(merge, counting),
    'merge',
  )
  const [row] = rows
  return row ?? { due: 0, done: 0, deleted: 0, moved: 0, late: 0 }
}

/** cardinality_violation: a statement would change the same row twice. */
function isRepeatedKey(error: unknown): boolean {
  return error instanceof ConnectError && error.details.sqlstate === sqlstates.cardinalityViolation
}
