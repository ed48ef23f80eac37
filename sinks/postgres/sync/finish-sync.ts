import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { ownKey, settingsOf } from '../../continuation.ts'
import type { SinkStream, SliceStart, StreamSync } from '../../sink.ts'
import { dropDefinitions } from '../definitions/drop-definitions.ts'
import { makeDefinitions, type MadeDefinitions } from '../definitions/make-definitions.ts'
import { adoptStage, findPlain, type StagedSync, type StageWay } from './adopt-stage.ts'
import { findCascade, findSetupRefusal } from '../tables/table-setup.ts'
import { copyRows, deleteRows } from '../tables/copy-rows.ts'
import { tableGone } from '../destination-errors.ts'
import { forgetStreams } from '../bookkeeping/forget-streams.ts'
import { countsOfOtherTables } from '../bookkeeping/untold-counts.ts'
import { keepUntold } from '../bookkeeping/untold-warnings.ts'
import { attemptParams, isOfAttempt, requireOwn } from '../bookkeeping/fence.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from '../tables/identifiers.ts'
import { createKeyIndex, hasIndex, keyIndexName } from '../tables/key-index.ts'
import { addPrimaryKey, dropPrimaryKey, readPrimaryKey } from '../tables/primary-key.ts'
import { sqlstates } from '../../../postgres/sqlstate.ts'
import type { DestinationSession } from '../session.ts'
import { streamTarget, type StreamTarget } from '../tables/stream-target.ts'
import { addMeta, hasRows, readTables, type TableColumns } from '../tables/table-columns.ts'

/** `Destination.savePlan`: slices that are in the plan of this sync already keep their state. */
export async function savePlan(
  session: DestinationSession,
  sync: StreamSync,
  slices: readonly SliceStart[],
): Promise<void> {
  const work = async (): Promise<void> => {
    const id = await requireOwn(session, sync, 'locked')
    // The row's count is of what was there before, which the statement still sees, and of what it adds.
    session.rowsAtCommit(
      `WITH before AS MATERIALIZED (SELECT slice FROM ${session.bookkeeping}.slices WHERE stream_id = $1), saved AS (
         INSERT INTO ${session.bookkeeping}.slices AS s
           (stream_id, slice, ordinal, partition, planned_sync, state, seq)
         SELECT $1, slice, $6 + n, partition, $2, state, 0
           FROM unnest($3::text[], $4::int[], $5::text[]) WITH ORDINALITY AS p (slice, partition, state, n)
         ON CONFLICT (stream_id, slice) DO UPDATE SET
           ordinal = excluded.ordinal, partition = excluded.partition, state = excluded.state,
           planned_sync = excluded.planned_sync, updated_at = now(),
           seq = 0, loaded = 0, rejected = 0, complete = false
         WHERE s.planned_sync <> excluded.planned_sync)
       UPDATE ${session.bookkeeping}.streams
          SET planned = (SELECT count(*) FROM (SELECT slice FROM before UNION SELECT unnest($3::text[])) a) WHERE id = $1`,
      [
        id,
        sync.syncId,
        slices.map(({ slice }) => slice),
        slices.map(({ partition }) => partition),
        slices.map(({ state }) => (state === null ? null : JSON.stringify(state))),
        sync.slices.length,
      ],
    )
  }
  await session.transaction(work, { readsFirst: true })
}

/**
 * `Destination.finish`. A staged generation is swapped in. A table that nobody has given anything gives way
 * to the stage (adopt-stage.ts); otherwise rows are exchanged, the table is not, so that its views, grants
 * and indexes stay. DELETE rather than TRUNCATE, which would make readers wait for the whole copy and show an
 * older snapshot an empty table; vacuum reclaims the dead rows. One transaction: a killed one leaves the old
 * rows, and the stage for the next run.
 */
export async function finishSync(
  session: DestinationSession,
  sync: StreamSync,
  schema: string | undefined,
): Promise<readonly string[]> {
  const target = streamTarget(sync.sink, schema)
  // Before the sync is complete: a run that is killed comes back here.
  const made = await makeDefinitions(session, sync, { target, table: target.loaded })
  const work = async (): Promise<Finished> => {
    const keyed = await withStageKey(session, sync, target)
    const [id, { rejected }, swap] = await Promise.all([
      requireOwn(session, sync, 'locked'),
      requireComplete(session, sync),
      target.isOverwrite ? findSwap(session, keyed.target, sync.sink) : undefined,
    ])
    if (target.isOverwrite && rejected > 0 && !(await hasRows(session, target.stage))) {
      // Otherwise the next sync would continue from here, to the same end.
      await forgetStreams(session, sync.sink.connection, [sync.streamId])
      return { rejected, warnings: [] }
    }
    const staged = { id, syncId: sync.syncId, sink: sync.sink }
    const emptied =
      swap === undefined
        ? 0
        : await swapStage(session, keyed.target, { ...swap, staged, failed: made.failed })
    const key = ownKey(settingsOf(sync.sink))
    const warnings = [...warnOfEmptied(target, emptied), ...keyed.warnings]
    // Stored with the facts that they are about: the run may be killed before its end reports them.
    if (warnings.length > 0) await keepUntold(session, id, warnings)
    session.rowsAtCommit(
      `UPDATE ${session.bookkeeping}.streams
          SET complete = true, staged = false, finished_at = now(), merged_key = CASE WHEN $2 THEN $3 ELSE merged_key END,
              key_index = CASE WHEN $2 THEN $4 ELSE key_index END,
              untold_counts = CASE WHEN $2 THEN ${countsOfOtherTables} ELSE untold_counts END
        WHERE id = $1`,
      [
        id,
        target.isOverwrite,
        key === undefined ? null : JSON.stringify(key),
        target.key === undefined ? null : keyIndexName(target.table, target.key),
      ],
    )
    return { rejected: 0, warnings }
  }
  const { rejected, warnings } = await session.transaction(work, { readsFirst: true })
  if (rejected > 0) {
    const details = {
      stream: streamLabel(sync.streamId),
      rejected,
      table: quoteTable(target.table),
      rejections: 'the table reactor_connect.rejected_records',
    }
    throw new ConnectError('records_all_rejected', { details })
  }
  if (!target.isOverwrite) return [...warnings, ...made.warnings]
  const without = new Set(made.failed.map(({ label }) => label))
  const more = await makeDefinitions(session, sync, { target, table: target.table, without })
  return [...warnings, ...made.warnings, ...more.warnings]
}

/**
 * The target of an overwrite without a key of its own, whose table has the primary key of the source: the
 * stage gets it too, now that its rows are there. Rows of two moments may not be unique: then the table loses
 * it.
 */
async function withStageKey(
  session: DestinationSession,
  sync: StreamSync,
  target: StreamTarget,
): Promise<{ readonly target: StreamTarget; readonly warnings: readonly string[] }> {
  const { sink } = sync
  const { table, stage, primaryKey } = target
  if (sink.mode !== 'overwrite' || primaryKey === undefined) return { target, warnings: [] }
  await requireOwn(session, sync, 'locked')
  const present = await readPrimaryKey(session, table)
  if (present === undefined) return { target, warnings: [] }
  try {
    await addPrimaryKey(session, stage, present)
    return { target: { ...target, key: present }, warnings: [] }
  } catch (error) {
    const { sqlstate } = error instanceof ConnectError ? error.details : {}
    if (sqlstate !== sqlstates.uniqueViolation && sqlstate !== sqlstates.notNullViolation)
      throw error
    await session.rollbackTo('primary_key')
    await dropPrimaryKey(session, table, present)
    const reason =
      sqlstate === sqlstates.uniqueViolation ? 'several rows with one key' : 'NULL in it'
    return {
      target,
      warnings: [
        `${quoteTable(table)} has lost its primary key (${present.join(', ')}): the rows that were read have ${reason}.`,
      ],
    }
  }
}

interface Finished {
  /** Records, if they were all that came. */
  readonly rejected: number
  readonly warnings: readonly string[]
}

/**
 * The warning is also true if it is reported later, when the table has rows again. `emptied`: rows that were
 * deleted, if none came for them.
 */
function warnOfEmptied({ table }: StreamTarget, emptied: number): readonly string[] {
  if (emptied === 0) return []
  return [
    `The source had no record of the stream, so all rows of ${quoteTable(table)} were deleted: ${emptied.toLocaleString('en-US')}.`,
  ]
}

/** `Destination.leaveLog`. */
export async function leaveLog(session: DestinationSession, sync: StreamSync): Promise<void> {
  await session.rows(
    `UPDATE ${session.bookkeeping}.streams SET attempt_keys = '{}' WHERE ${isOfAttempt}`,
    attemptParams(sync),
  )
}

/** If the attempt has lost the stream, `requireOwn` reports it. */
async function requireComplete(
  session: DestinationSession,
  sync: StreamSync,
): Promise<{ readonly rejected: number }> {
  const [row] = await session.rows<{ planned: number; complete: number; rejected: number }>(
    `SELECT count(*)::int AS planned, count(*) FILTER (WHERE complete)::int AS complete, coalesce(sum(rejected), 0)::float8 AS rejected
       FROM ${session.bookkeeping}.slices
      WHERE stream_id = (SELECT id FROM ${session.bookkeeping}.streams WHERE ${isOfAttempt}) AND planned_sync = $6`,
    [...attemptParams(sync), sync.syncId],
  )
  if (row === undefined || row.planned === row.complete) return { rejected: row?.rejected ?? 0 }
  const { planned: expected, complete: actual } = row
  const details = { stream: streamLabel(sync.streamId), expected, actual, unit: 'complete slices' }
  throw new ConnectError('accounting_mismatch', { details })
}

/** The two tables of an overwrite, as they are when it ends. */
interface Swap {
  readonly stage: TableColumns | undefined
  readonly table: TableColumns | undefined
  readonly way: StageWay | undefined
  /** Why their rows cannot be exchanged. */
  readonly refusal: ConnectError | undefined
}

async function findSwap(
  session: DestinationSession,
  target: StreamTarget,
  sink: SinkStream,
): Promise<Swap> {
  const [[stage, table], way, hidden, cascade] = await Promise.all([
    readTables(session, [target.stage, target.table]),
    findPlain(session, target, sink),
    findSetupRefusal(session, target),
    findCascade(session, target.table),
  ])
  return { stage, table, way, refusal: hidden ?? cascade }
}

/**
 * Throws if the rows cannot be exchanged. Gives the table what the stage has, and resolves with how the stage
 * may become the table.
 */
async function prepareSwap(
  session: DestinationSession,
  target: StreamTarget,
  {
    stage,
    table,
    way,
    refusal,
    sink,
  }: Swap & Pick<StagedSync, 'sink'> & { readonly stage: TableColumns },
): Promise<StageWay | undefined> {
  if (refusal !== undefined) throw refusal
  // Only if it is missing: ALTER TABLE would make readers wait for the whole copy.
  if (!stage.has('_airbyte_meta') || table?.has('_airbyte_meta') !== false) return way
  await session.run(`ALTER TABLE ${quoteTable(target.table)} ${addMeta}`)
  return findPlain(session, target, sink)
}

/** Resolves with the number of rows that were deleted, if none came in their place. */
async function swapStage(
  session: DestinationSession,
  target: StreamTarget,
  {
    stage,
    staged,
    failed,
    ...swap
  }: Swap & { readonly staged: StagedSync } & Pick<MadeDefinitions, 'failed'>,
): Promise<number> {
  // Without the stage, the table would become empty.
  if (stage === undefined) throw tableGone(session.address, quoteTable(target.stage))
  const found = await prepareSwap(session, target, { ...swap, stage, sink: staged.sink })
  if (found !== undefined && (await adoptStage(session, target, { found, staged }))) return 0
  // The new rows do not allow them, so they would refuse these.
  const refused = failed.map(({ kind, name }) => [kind, name, ''] as const)
  await dropDefinitions(session, target.table, refused)
  // The stage has the sync's own columns only.
  const list = [...stage.keys()].map(quoteIdentifier).join(', ')
  const newKey = await findMissingKeyIndex(session, target)
  // Creating the index waits for writers of the table: none of them may be waiting for our rows then.
  if (newKey !== undefined)
    await session.run(`LOCK TABLE ${quoteTable(target.table)} IN SHARE ROW EXCLUSIVE MODE`)
  // A publication of all tables has one that was made just now too, and the server deletes nothing from it,
  // not even no row.
  const deleted = (await hasRows(session, target.table)) ? await deleteRows(session, target) : 0
  const inserted = await copyRows(session, target, list)
  if (newKey !== undefined) await createKeyIndex(session, target.table, newKey)
  await session.run(`DROP TABLE ${quoteTable(target.stage)}`)
  return inserted === 0 ? deleted : 0
}

/** The key, if the table has no index of it: the rows until now may have had another one. */
async function findMissingKeyIndex(
  session: DestinationSession,
  { table, key }: StreamTarget,
): Promise<readonly string[] | undefined> {
  if (key === undefined) return undefined
  return (await hasIndex(session, table, keyIndexName(table, key))) ? undefined : key
}
