import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { partitionMissing } from '../destination-errors.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import { countedRows, countMatching, isFilledUnseen, type Trial, written } from './trial.ts'

/** Each row needs a partition that takes it. */
export async function tryPartitions(trial: Trial): Promise<void> {
  const { session, stream, found } = trial
  const { target, columns } = stream.production
  const table = quoteTable(target.table)
  const [partitions] = await session.rows<{
    kind: string
    bounds: (string | null)[]
    keys: string[]
  }>(
    `SELECT relkind::text AS kind, ARRAY(SELECT pg_get_partition_constraintdef(relid)
         FROM pg_partition_tree(oid) WHERE isleaf AND relid <> $1::regclass) AS bounds,
            ARRAY(SELECT attname::text FROM pg_partition_tree(c.oid) JOIN pg_depend d ON d.objid = relid AND d.refobjid = relid
               JOIN pg_attribute ON attrelid = relid AND attnum = d.objsubid
              WHERE d.classid = 'pg_class'::regclass AND d.refclassid = d.classid AND d.refobjsubid = 0 AND d.deptype = 'i') AS keys
       FROM pg_class c WHERE oid = $1::regclass`,
    [table],
  )
  if (partitions?.kind !== 'p') return
  const unseen = columns.find(
    (column) =>
      partitions.keys.includes(column.name) &&
      isFilledUnseen(column) &&
      !target.columns.some(({ name }) => name === column.name),
  )
  if (unseen !== undefined) {
    found.warnings.push(
      `The partitions of the table were not tried: column ${quoteIdentifier(unseen.name)} fills itself`,
    )
    return
  }
  // A default partition without others has no bounds: it takes every row.
  if (partitions.bounds.includes(null)) return
  const takes = partitions.bounds.map((bound) => `(${bound ?? 'true'})`).join(' OR ')
  const count = await countMatching(
    trial,
    `${written(trial)} WHERE (${takes === '' ? 'false' : takes}) IS NOT TRUE`,
  )
  if (count === 0) return
  const reason = `${countedRows(count)} whose partition key is in none of them`
  const details = { ...placeOf(trial), reason }
  found.broken.push({ reason, error: partitionMissing(table, details) })
}

function placeOf({ session, stream }: Trial): {
  readonly host: string
  readonly port: number
  readonly stream: string
} {
  const { host, port } = session.address
  return { host, port, stream: streamLabel(stream.production.target.streamId) }
}

interface IndexKey {
  readonly name: string
  readonly expressions: readonly string[]
  readonly predicate: string | null
}

/** Shorter entries fit into every index, whatever the server makes of them. */
const safeBytes = 2_000

/**
 * A B-tree takes no entry of more than a third of a page. How well a value can be compressed is known when it
 * is tried.
 */
export async function tryIndexes(trial: Trial, ownIndexes: readonly string[]): Promise<void> {
  const { session, stream, found } = trial
  const { table } = stream.production.target
  const indexes = await session.rows<IndexKey & Record<string, unknown>>(
    `SELECT DISTINCT ON (expressions, predicate) name, expressions, predicate FROM (
       SELECT c.relname::text AS name, pg_get_expr(i.indpred, i.indrelid) AS predicate,
              ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnatts) n ORDER BY n) AS expressions
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
        WHERE i.indrelid = $1::regclass AND i.indisready AND m.amname = 'btree' AND c.relname <> ALL ($2)) btree`,
    [quoteTable(table), ownIndexes],
  )
  for (const index of indexes) {
    const reason = await reasonAgainst(session, trial, index)
    if (reason === undefined) continue
    const details = {
      ...placeOf(trial),
      object: quoteTable(table),
      reason,
      index: `index ${quoteIdentifier(index.name)}`,
    }
    const error = new ConnectError('destination_index_entry_too_long', { details })
    found.broken.push({ reason: `${reason} (index ${index.name})`, error })
  }
}

async function reasonAgainst(
  session: DestinationSession,
  trial: Trial,
  { expressions, predicate }: IndexKey,
): Promise<string | undefined> {
  const parts = expressions.map((expression) => `(${expression})`).join(', ')
  const where = predicate === null ? '' : ` AND (${predicate})`
  const long = await countMatching(
    trial,
    `${written(trial)} WHERE pg_column_size(ROW(${parts})) > ${safeBytes}${where}`,
  )
  if (long === 0) return undefined
  const on = predicate === null ? '' : ` WHERE ${predicate}`
  try {
    await session.runPinned(
      `BEGIN; CREATE INDEX ON ${quoteTable(trial.loaded)} (${parts})${on}; ROLLBACK`,
    )
    return undefined
  } catch (error) {
    await session.rollback()
    if (!(error instanceof ConnectError) || error.code !== 'destination_index_entry_too_long')
      throw error
    return `of ${countedRows(long)} with an entry of more than ${safeBytes} bytes at least one is longer than a third of a page`
  }
}
