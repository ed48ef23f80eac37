import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import {
  findLostKey,
  isDoneInRun,
  isEndOf,
  isResumable,
  keepsStates,
  takeNextNumbers,
} from '../../continuation.ts'
import { findOtherColumns } from '../../numbered-columns.ts'
import { noCounts } from '../../committed-counts.ts'
import type { BeginOptions, RunStart, SinkStream, StreamSync } from '../../sink.ts'
import { lockForTransaction } from '../advisory-locks.ts'
import { laneLockKey, takeOverSeconds } from '../bookkeeping/run-sessions.ts'
import { readPositions, readSlices } from '../bookkeeping/read-checkpoints.ts'
import { requireOpenSchema, schemaExists } from '../tables/schemas.ts'
import { requireSlices } from '../bookkeeping/damaged-bookkeeping.ts'
import { requireNewest } from '../bookkeeping/fence.ts'
import { forgetOwners } from '../bookkeeping/forget-streams.ts'
import { carryCounts, countsOf } from '../bookkeeping/untold-counts.ts'
import { keepUntold, withoutReported } from '../bookkeeping/untold-warnings.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { isSameTable, lockKey, quoteTable } from '../tables/identifiers.ts'
import { mergedKeyOf, requireSameKey } from './key-change.ts'
import {
  findRepeatedAppend,
  findReplacingMode,
  listEarlierTables,
  warnOfKnownStream,
  findSharedTable,
} from './known-stream.ts'
import { beginDefinitions } from '../definitions/begin-definitions.ts'
import { typeStream } from './choose-types.ts'
import { watchTable } from './loaded-table.ts'
import { prepareTables } from './prepare-tables.ts'
import type { DestinationSession } from '../session.ts'
import {
  otherOwners,
  ownerOf,
  readStreamRow,
  type StreamRow,
  type TableOwner,
  writeStreamRow,
} from '../bookkeeping/stream-rows.ts'
import { streamTarget, type StreamTarget } from '../tables/stream-target.ts'
import { readTable } from '../tables/table-columns.ts'

/** `Destination.begin`: see the contract. One transaction (a missing schema is created before). */
export async function beginSync(
  session: DestinationSession,
  sink: SinkStream,
  {
    schema,
    start,
    unconfirmed,
    defersChanges = false,
    beginsAgain = false,
  }: BeginOptions & { readonly schema: string | undefined; readonly start: RunStart },
): Promise<StreamSync> {
  const target = streamTarget(sink, schema)
  requireOpenSchema(sink, target, session.bookkeepingSchema)
  await ensureSchema(session, target.table.schema)
  return session.transaction(
    async () => {
      const { streamId } = target
      await takeOver(session, sink, { target, start })
      const [, stored, others] = await Promise.all([
        // We own its lanes now, unless a newer start came in the meantime: it began before us then.
        requireNewest(session, sink, start.start),
        readStreamRow(session, sink.connection, { streamId, lock: 'locked' }),
        otherOwners(session, target, sink.connection),
      ])
      const row = stored && withoutReported(stored, start)
      const { isOurs, owners } = await takeTable(session, sink, { target, row, owners: others })
      const isEnded = isEndOf(row, unconfirmed)
      const holder = isEnded ? target.table : target.loaded
      // Without its table, or in another one, states refer to rows that do not exist: the stream is read from
      // the beginning.
      const hasTable =
        isTableOf(row, target) &&
        (await hasGathered(session, row, target)) &&
        (await readTable(session, holder)) !== undefined
      const known = hasTable ? row : undefined
      if (known !== undefined && (isEnded || isDoneInRun(known, sink, start.run))) {
        return leaveAsItStands(session, known, { sink, target, start })
      }
      const beginning = { target, start, row, known, owners, isOurs }
      return startSync(session, sink, { ...beginning, defersChanges, beginsAgain })
    },
    { readsFirst: true, lockSeconds: takeOverSeconds },
  )
}

/** The facts that `begin` knows about a stream that owns its table. */
interface Beginning {
  readonly target: StreamTarget
  readonly start: RunStart
  /** As the last sync left it … */
  readonly row: StreamRow | undefined
  /** … if that was one of the same table. */
  readonly known: StreamRow | undefined
  readonly owners: readonly TableOwner[]
  readonly isOurs: boolean
  readonly defersChanges: boolean
  readonly beginsAgain: boolean
}

async function startSync(
  session: DestinationSession,
  untyped: SinkStream,
  { start, row, known, owners, isOurs, defersChanges, beginsAgain, ...beginning }: Beginning,
): Promise<StreamSync> {
  const resumed = known !== undefined && isResumable(known, untyped, { ...start, beginsAgain })
  const goesOn = resumed || keepsStates(known, untyped)
  const loaded = { target: beginning.target, row, known, owners, goesOn }
  const notices = await requireLoadable(session, untyped, loaded)
  const typed = await typeStream(session, untyped, { target: beginning.target, row })
  const { target, statements: typeStatements, place } = typed
  const { streamId, table } = target
  const sink = await beginDefinitions(session, typed.sink, { target, row })
  const preparation = { session, sink, target, row, resumed, isOurs, typeStatements, place }
  const prepared = await prepareTables(preparation, defersChanges ? 'deferred' : 'now')
  const { onlyNow, warnings, keyIndex, tableNotes, staged, columns, leavesTable } = prepared
  const numbers = takeNextNumbers(row, sink, resumed)
  const syncStart = resumed ? known.syncStart : start.start
  const written = await writeStreamRow(session, sink, {
    ...numbers,
    streamId,
    table,
    keyIndex,
    columns,
    tableNotes,
    run: start.run,
    syncStart,
    staged,
    earlierTables: listEarlierTables(row, target),
    mergedKey: await mergedKeyOf(session, sink, { target, row }),
  })
  // An overwrite has nothing to note, and a new row has nothing else. An overwrite with a new row skips this,
  // which saves a round trip for each of many small tables.
  const isWatched = !target.isOverwrite || row !== undefined
  const watched = { id: written.id, sink, target, row, goesOn }
  const lostRows = isWatched ? await watchTable(session, watched) : []
  const toReport = [...notices, ...typed.warnings, ...onlyNow]
  const isFirst = row === undefined
  const untold =
    isFirst && toReport.length === 0 ? [] : await keepUntold(session, written.id, toReport)
  const untoldCounts = await carryCounts(session, written.id, {
    target,
    row,
    start,
    resumed,
    goesOn,
  })
  const begun = { ...written, table, syncStart, untoldCounts }
  const sync = {
    ...numbers,
    sink,
    streamId,
    resumed,
    tableNotes,
    leavesTable,
    doneInRun: false,
    start: start.start,
    warnings: [...untold, ...lostRows, ...warnings],
  }
  return isFirst ? firstSync(begun, sync) : withCheckpoints(session, begun, sync)
}

/** Throws if the stream cannot be loaded in its present state. Returns the notes about it. */
async function requireLoadable(
  session: DestinationSession,
  sink: SinkStream,
  {
    target,
    row,
    known,
    owners,
    goesOn,
  }: Pick<Beginning, 'target' | 'row' | 'known' | 'owners'> & { readonly goesOn: boolean },
): Promise<readonly string[]> {
  const replacing = await findReplacingMode(session, sink, { row, target })
  if (replacing !== undefined) throw replacing
  await requireSameKey(session, sink, { target, row: known })
  await requireAllSlices(session, sink, goesOn ? known : undefined)
  const again = await findRepeatedAppend(session, sink, { target, row, owners, goesOn })
  if (again instanceof ConnectError) throw again
  return [...warnOfKnownStream(row, sink, target), ...again]
}

/** `row`: of a stream whose sync continues from them. */
async function requireAllSlices(
  session: DestinationSession,
  sink: SinkStream,
  row: StreamRow | undefined,
): Promise<void> {
  if (row !== undefined) await requireSlices(session, ownerOf(sink, row), row.planned)
}

/**
 * Throws if the table belongs to another stream. `isOurs`: a stream of ours has loaded it, so its columns are
 * ours too.
 */
async function takeTable(
  session: DestinationSession,
  sink: SinkStream,
  { target, row, owners }: Pick<Beginning, 'target' | 'row' | 'owners'>,
): Promise<Pick<Beginning, 'isOurs' | 'owners'>> {
  const refusal =
    findSharedTable(sink, target, owners) ?? findLostKey(row, sink) ?? findOtherColumns(row, sink)
  if (refusal !== undefined) throw refusal
  if (owners.length === 0) return { isOurs: isTableOf(row, target), owners }
  const isGone = (await readTable(session, target.table)) === undefined
  if (isGone) await forgetOwners(session, target.table, row?.id)
  return { isOurs: true, owners }
}

type BegunRow = Pick<
  StreamRow,
  'id' | 'table' | 'attemptKeys' | 'syncStart' | 'startedAtMs' | 'untoldCounts'
>
type BegunSync = Omit<
  StreamSync,
  'attemptKeys' | 'slices' | 'positions' | 'untoldCounts' | 'isOlder' | 'startedAtMs'
>

/**
 * Nothing is known of a stream that was never begun: five statements less, of thousands of tables that are
 * loaded for the first time.
 */
function firstSync({ attemptKeys, startedAtMs }: BegunRow, sync: BegunSync): StreamSync {
  const untoldCounts = { kept: noCounts, staged: noCounts, replaced: noCounts }
  const nothing = { isOlder: false, slices: [], positions: [], untoldCounts }
  return { ...sync, attemptKeys, startedAtMs, ...nothing }
}

async function withCheckpoints(
  session: DestinationSession,
  row: BegunRow,
  sync: BegunSync,
): Promise<StreamSync> {
  const { attemptKeys, syncStart, startedAtMs } = row
  const owner = ownerOf(sync.sink, row)
  return {
    ...sync,
    attemptKeys,
    startedAtMs,
    isOlder: syncStart !== sync.start,
    slices: await readSlices(session, owner),
    positions: await readPositions(session, owner, sync),
    untoldCounts: await countsOf(session, row, sync.sink),
  }
}

/**
 * This run completed the stream before it was interrupted, or before it could hear of it: nothing is changed.
 * But its rows may be gone since.
 */
async function leaveAsItStands(
  session: DestinationSession,
  row: StreamRow,
  {
    sink,
    target,
    start: { start },
  }: Pick<Beginning, 'target' | 'start'> & { readonly sink: SinkStream },
): Promise<StreamSync> {
  const { id, syncId, generationId, epoch } = row
  const { streamId } = target
  const numbers = { syncId, generationId, epoch, start }
  const lostRows = await watchTable(session, { id, sink, target, row, goesOn: true, isDone: true })
  return withCheckpoints(session, row, {
    sink,
    streamId,
    ...numbers,
    resumed: true,
    tableNotes: row.tableNotes,
    warnings: [...new Set([...row.warnings, ...lostRows])],
    doneInRun: true,
  })
}

export function isTableOf(row: StreamRow | undefined, { table }: StreamTarget): boolean {
  return row !== undefined && isSameTable(row.table, table)
}

/**
 * Rows of an overwrite that did not end are merged from its stage, if the mode is another one now: their
 * states are worth nothing without it.
 */
async function hasGathered(
  session: DestinationSession,
  row: StreamRow | undefined,
  target: StreamTarget,
): Promise<boolean> {
  if (row?.staged !== true || target.isOverwrite || !isTableOf(row, target)) return true
  return (await readTable(session, target.stage)) !== undefined
}

/**
 * In a transaction of its own, so that streams that begin at the same time do not wait for each other's
 * tables.
 */
async function ensureSchema(session: DestinationSession, schema: string): Promise<void> {
  // A sandbox's own one, which nothing makes again.
  if (schema === session.bookkeepingSchema) return
  if (await schemaExists(session, schema)) return
  await session.transaction(async () => {
    await lockForTransaction(session, {
      keys: [lockKey('schemas')],
      subject: `the making of schema ${quoteIdentifier(schema)}`,
      seconds: takeOverSeconds,
    })
    if (await schemaExists(session, schema)) return
    await session.run(`CREATE SCHEMA ${quoteIdentifier(schema)}`)
  })
}

/**
 * Locks the stream's lanes and its table: if two streams begin at the same time to load one table, the second
 * finds the first.
 */
async function takeOver(
  session: DestinationSession,
  sink: SinkStream,
  { target, start }: Pick<Beginning, 'target' | 'start'>,
): Promise<void> {
  const { table, streamId } = target
  const tableKey = lockKey('table', table.schema, table.table)
  const [free] = await session.rows<{ lanes: boolean; table: boolean }>(
    `WITH lanes AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1) AS free)
     SELECT free AS lanes, CASE WHEN free THEN pg_try_advisory_xact_lock($2) ELSE false END AS "table" FROM lanes`,
    [laneLockKey(sink.connection, streamId), tableKey],
  )
  if (free?.lanes !== true) {
    await requireNewest(session, sink, start.start)
    await takeLanes(session, sink, target)
  }
  if (free?.table === true) return
  await lockForTransaction(session, {
    keys: [tableKey],
    subject: quoteTable(table),
    seconds: takeOverSeconds,
  })
}

/**
 * Ends the sessions of lanes of an older epoch: one that hangs would keep its locks for ever, and none of
 * them could commit any more. What another role runs cannot be ended by us: then this waits, and gives up
 * with a `destination_lock_held`.
 */
async function takeLanes(
  session: DestinationSession,
  { connection }: SinkStream,
  { streamId }: StreamTarget,
): Promise<void> {
  const key = laneLockKey(connection, streamId)
  await session.rows(
    `SELECT pg_terminate_backend(l.pid, 10000)
       FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted AND l.objsubid = 1
        AND ((l.classid::bigint << 32) | l.objid::bigint) = $1
        AND a.datname = current_database() AND a.usename = current_user AND l.pid <> pg_backend_pid()`,
    [key],
  )
  await lockForTransaction(session, {
    keys: [key],
    subject: `stream ${streamLabel(streamId)} of connection ${connection}`,
    seconds: takeOverSeconds,
  })
}
