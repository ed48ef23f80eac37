import type { ConnectError } from '../../../protocol/index.ts'
import { streamLabel } from '../../../protocol/index.ts'
import { modeChanged } from '../../continuation.ts'
import type { SinkStream, TableNote } from '../../sink.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { isSameTable, quoteTable, type TableName } from '../tables/identifiers.ts'
import { createKeyIndex, dropIndex, hasIndex, keyIndexName } from '../tables/key-index.ts'
import { addPrimaryKey, dropPrimaryKey, readPrimaryKey } from '../tables/primary-key.ts'
import { dedupStatement } from '../merge/merge-sql.ts'
import { warnOfLooseKeys, unusableKey } from '../tables/usable-key.ts'
import { copyRows } from '../tables/copy-rows.ts'
import { requireRows, type RowAccount } from '../tables/row-account.ts'
import { isOverLimit } from '../merge/long-keys.ts'
import { runMerge } from '../merge/run-merge.ts'
import type { DestinationSession } from '../session.ts'
import { createStaging, mergeOf, staging } from '../merge/staging.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import { type StreamTarget, targetColumns } from '../tables/stream-target.ts'
import { noteTableChanges, warnOfReturned } from '../tables/table-notes.ts'
import { tryDrop, watchesDrops } from './dropped-stage.ts'
import { warnOfPublishedStage } from './published-stage.ts'
import { findKnownRow, planTable, wantedOf, type TablePlace, type TablePlan } from './plan-table.ts'
import { keepPrivate } from './table-rights.ts'
import {
  addMeta,
  alterTable,
  createStage,
  createTable,
  evolveTable,
  hasRows,
  ownColumns,
  readTable,
  planTableChanges,
  type TableColumns,
} from '../tables/table-columns.ts'

/** Assumptions about the keys of rows that were not watched as they came. */
const anyKeys = { hasNullKeys: true, hasRepeatedKeys: true }

/** The facts and decisions of `begin` before it touches a table. */
export interface Preparation {
  readonly session: DestinationSession
  readonly sink: SinkStream
  readonly target: StreamTarget
  /** The stream's row as the last sync left it. */
  readonly row: StreamRow | undefined
  readonly resumed: boolean
  /** The table was made by a sync. */
  readonly isOurs: boolean
  /** Statements for the enums of the columns (`TypedStream`). */
  readonly typeStatements: readonly string[]
  /** As it was read for the types of the columns. */
  readonly place: TablePlace | undefined
}

/**
 * The name of the key's index on the table, and the changes to the columns, also in attempts that died before
 * they reported them.
 */
export interface PreparedTables {
  readonly keyIndex: string | null
  readonly tableNotes: readonly TableNote[]
  /** Warnings: of what no later attempt finds … */
  readonly onlyNow: readonly string[]
  /** … and those that every attempt finds again. */
  readonly warnings: readonly string[]
  /** The columns of the stream, as the table has them. */
  readonly columns: StreamRow['columns']
  readonly staged: boolean
  /** Nothing was altered yet: see `Destination.changeTable`. */
  readonly leavesTable: boolean
}

/**
 * Prepares the stream's tables for the sync, in place.
 * @param changes `deferred`: columns of a table that is there are not altered yet
 */
export async function prepareTables(
  preparation: Preparation,
  changes: 'now' | 'deferred',
): Promise<PreparedTables> {
  const plan = await planTable(preparation)
  if (plan.refusal !== undefined) throw plan.refusal
  const { typeStatements } = preparation
  const hasChanges =
    plan.changes.length > 0 || (plan.actual !== undefined && typeStatements.length > 0)
  const isDeferred = changes === 'deferred' && hasChanges
  return isDeferred && isSameAsBefore(preparation)
    ? leaveTables(preparation)
    : changeTables(preparation, plan)
}

async function changeTables(preparation: Preparation, plan: TablePlan): Promise<PreparedTables> {
  const { session, target, row, sink } = preparation
  const { columns, tableNotes, returned } = await ensureTable(preparation, plan)
  const isStaged = row?.staged === true && isSameTable(row.table, target.table)
  if (!target.isOverwrite && isStaged) await mergeStage(preparation)
  if (target.hasSourceTypes === true && plan.actual !== undefined)
    await dropOtherKey(session, target)
  const own = ownColumns(columns, target.columns)
  const publications = target.isOverwrite ? await prepareStage(preparation, own) : null
  const { index: keyIndex, removed } = await ensureKeyIndex(preparation)
  return {
    keyIndex,
    tableNotes,
    onlyNow: [...warnOfRemovedRows(target, removed), ...returned],
    warnings: [
      ...(await warnOfLooseKeys(session, target)),
      ...warnOfPublishedStage(target, publications),
    ],
    columns: sink.columns,
    staged: target.isOverwrite,
    leavesTable: false,
  }
}

/**
 * Prepares the stage of an overwrite. `own`: the columns of the table. Resolves with the publications that
 * have the stage.
 */
async function prepareStage(
  preparation: Preparation,
  own: readonly string[],
): Promise<Awaited<ReturnType<typeof keepPrivate>>> {
  const { session, target, resumed } = preparation
  const { table, stage, key } = target
  const [, publications, isWatched] = await Promise.all([
    resumed ? undefined : createStage(session, stage, { table, columns: own }),
    keepPrivate(session, target),
    watchesDrops(session),
  ])
  if (isWatched) await tryDrop(session, stage)
  if (resumed) {
    const actual = await readExistingTable(session, stage)
    await evolveTable(session, wantedOf(preparation, stage), actual)
  } else if (key !== undefined) {
    // The same as the table has: the stage may become the table.
    const primaryKey = target.hasSourceTypes && (await readPrimaryKey(session, table))
    if (primaryKey) await addPrimaryKey(session, stage, key)
    else await createKeyIndex(session, stage, key)
  }
  return publications
}

/**
 * The stream's row will say as much when the tables are altered: nothing is to be done to them but new
 * columns.
 */
function isSameAsBefore({ row, sink, target }: Preparation): boolean {
  if (row === undefined) return true
  if (!isSameTable(row.table, target.table) || row.settings.mode !== sink.mode) return false
  return target.isOverwrite || !row.staged
}

/**
 * An old stage goes: its rows are worth nothing to a new sync, and the next attempt must not continue from
 * it.
 */
async function leaveTables({
  session,
  target,
  row,
  resumed,
}: Preparation): Promise<PreparedTables> {
  if (target.isOverwrite && !resumed)
    await session.run(`DROP TABLE IF EXISTS ${quoteTable(target.stage)}`)
  return {
    keyIndex: row?.keyIndex ?? null,
    tableNotes: row?.tableNotes ?? [],
    onlyNow: [],
    warnings: [],
    columns: row?.columns ?? [],
    staged: resumed && row?.staged === true,
    leavesTable: true,
  }
}

/** The table as it is to be loaded, with the names of its columns. */
interface EnsuredTable {
  readonly columns: ReadonlySet<string>
  readonly tableNotes: readonly TableNote[]
  /** Warnings of columns that came back. */
  readonly returned: readonly string[]
}

async function ensureTable(
  preparation: Preparation,
  { actual, changes }: TablePlan,
): Promise<EnsuredTable> {
  const { session, target, typeStatements } = preparation
  if (typeStatements.length > 0) await session.run(typeStatements.join('; '))
  if (actual === undefined) {
    return {
      columns: await createTable(session, wantedOf(preparation, target.table)),
      tableNotes: [],
      returned: [],
    }
  }
  await alterTable(session, target.table, changes)
  const known = findKnownRow(preparation)
  const before = targetColumns(known?.columns ?? [])
  const { columns, isOverwrite } = target
  const change = { columns, before, actual, changes, isOverwrite }
  return {
    columns: new Set([...actual.keys(), ...changes.map(({ column }) => column)]),
    tableNotes: noteTableChanges(change, known?.tableNotes),
    returned: warnOfReturned(target, change),
  }
}

async function readExistingTable(
  session: DestinationSession,
  name: TableName,
): Promise<TableColumns> {
  return (await readTable(session, name)) ?? new Map()
}

/**
 * A sync that was to overwrite died, and the stream is no longer to be overwritten: what it gathered is
 * merged, because its states were saved and its records are not read again.
 */
async function mergeStage(preparation: Preparation): Promise<void> {
  const { session, sink, target } = preparation
  const stage = await readTable(session, target.stage)
  if (stage === undefined) return
  if (stage.has('_airbyte_meta')) {
    await session.run(`ALTER TABLE ${quoteTable(target.table)} ${addMeta}`)
  }
  const lacks = planTableChanges(
    { name: target.stage, columns: [], metadata: sink.metadata },
    stage,
  )
  await alterTable(session, target.stage, lacks)
  const actual = await readExistingTable(session, target.table)
  const gathered = [...stage.keys(), ...lacks.map(({ column }) => column)]
  const columns = gathered.filter((name) => actual.has(name))
  const list = columns.map(quoteIdentifier).join(', ')
  if (target.key === undefined) {
    await copyRows(session, target, list)
  } else {
    await ensureKeyIndex(preparation)
    await createStaging(session, target.table, columns)
    const { changed: rows } = await session.write(
      `INSERT INTO ${staging} (${list}, _reactor_seq)
         SELECT ${list}, pg_catalog.row_number() OVER (ORDER BY ctid) FROM ${quoteTable(target.stage)}`,
    )
    const { deletes } = sink
    const merge = mergeOf(target, target.table, { actual, columns, deletes, ...anyKeys })
    await runMerge(session, merge, {
      stream: streamLabel(target.streamId),
      table: target.table,
      rows,
    })
    await session.run(`DROP TABLE ${staging}`)
  }
  await session.run(`DROP TABLE ${quoteTable(target.stage)}`)
}

/** `removed`: rows that were there with the key of a newer one. */
interface KeyIndex {
  readonly index: string | null
  readonly removed: number
}

/**
 * The index of the key, without which there is no dedup; that of an earlier key or mode goes. Rows that were
 * appended before are deduplicated, but not for an overwrite: it replaces them all at its end, and makes the
 * index then (finish-sync.ts).
 */
async function ensureKeyIndex(preparation: Preparation): Promise<KeyIndex> {
  const { session, target, row } = preparation
  const { key, table, isOverwrite } = target
  const wanted = key && keyIndexName(table, key)
  const old = row?.keyIndex
  if (row !== undefined && typeof old === 'string' && old !== wanted) {
    await dropIndex(session, row.table, old)
  }
  if (key === undefined || wanted === undefined) return { index: null, removed: 0 }
  if (await hasIndex(session, table, wanted)) return { index: wanted, removed: 0 }
  if (isOverwrite) return { index: null, removed: 0 }
  return { index: wanted, removed: await makeKeyIndex(preparation, key) }
}

/**
 * A primary key of ours that the mode does not want, that has other columns than the source's, or whose
 * columns may be NULL there now.
 */
async function dropOtherKey(
  session: DestinationSession,
  { table, primaryKey }: StreamTarget,
): Promise<void> {
  const present = await readPrimaryKey(session, table)
  if (present === undefined || JSON.stringify(present) === JSON.stringify(primaryKey)) return
  await dropPrimaryKey(session, table, present)
}

/** Resolves with the number of rows that were removed for it. */
async function makeKeyIndex(
  { session, sink, target, row }: Pick<Preparation, 'session' | 'sink' | 'target' | 'row'>,
  key: readonly string[],
): Promise<number> {
  const { table } = target
  let removed = 0
  // Not if there are none: in a publication of all tables, the server refuses to delete from one that was
  // made just now.
  if (await hasRows(session, table)) {
    await requireKeys(session, table, key)
    removed = await removeDuplicates({ session, sink, target })
    if (removed > 0 && sink.isDefaultMode === true && row?.settings.mode === 'append')
      throw historyLost(sink, target, removed)
  }
  try {
    await createKeyIndex(session, table, key)
  } catch (error) {
    throw isOverLimit(error)
      ? unusableKey(table, 'keys of its rows are too long for an index')
      : error
  }
  return removed
}

/** The source has a key since the last sync. The transaction is rolled back, so the rows are still there. */
function historyLost(sink: SinkStream, { table }: StreamTarget, removed: number): ConnectError {
  const count = removed === 1 ? '1 row' : `${removed.toLocaleString('en-US')} rows`
  return modeChanged(sink, {
    before: 'append',
    rows: `${count} of ${quoteTable(table)} that have the key of a newer row`,
    fix: 'To keep all versions of a row, set `destination_sync_mode: append` of the stream. To keep the newest one only, set `destination_sync_mode: append_dedup`.',
  })
}

function warnOfRemovedRows({ table, key = [] }: StreamTarget, removed: number): readonly string[] {
  if (removed === 0) return []
  const [rows, were] = removed === 1 ? ['row', 'was'] : ['rows', 'were']
  return [
    `${removed} ${rows} of ${quoteTable(table)} ${were} deleted, because newer rows have the same key (${key.join(', ')}): the table was not merged by this key until now.`,
  ]
}

async function removeDuplicates({
  session,
  sink,
  target,
}: Pick<Preparation, 'session' | 'sink' | 'target'>): Promise<number> {
  const { table, streamId } = target
  const actual = await readExistingTable(session, table)
  const { deletes } = sink
  const merge = mergeOf(target, table, { actual, columns: [], deletes, ...anyKeys })
  const { rows } = await session.write<RowAccount & Record<string, unknown>>(dedupStatement(merge))
  const [account] = rows
  if (account !== undefined) {
    const place = { stream: streamLabel(streamId), table }
    await requireRows(session, place, { ...account, events: ['delete'] })
  }
  return account?.done ?? 0
}

/** Rows without a key cannot be distinguished: to keep one of them would delete the others. */
async function requireKeys(
  session: DestinationSession,
  table: TableName,
  key: readonly string[],
): Promise<void> {
  const isEmpty = key.map((name) => `${quoteIdentifier(name)} IS NULL`).join(' AND ')
  const [row] = await session.rows<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${quoteTable(table)} WHERE ${isEmpty}`,
  )
  const rows = Number(row?.rows)
  if (rows > 1) throw unusableKey(table, `${rows} rows have no key (${isEmpty})`)
}
