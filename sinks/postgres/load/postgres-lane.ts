import { type Column, streamLabel } from '../../../protocol/index.ts'
import type {
  LaneCheckpoint,
  LaneStats,
  Loss,
  RecordBlock,
  SinkLane,
  StreamSync,
} from '../../sink.ts'
import { lockForSession, lockForTransaction } from '../advisory-locks.ts'
import { laneLockKey, markOf, markSession, takeOverSeconds } from '../bookkeeping/run-sessions.ts'
import { type RejectedRecord, writeCheckpoint, writeRejections } from '../bookkeeping/checkpoint.ts'
import { SessionsUsedAgain, type SessionUse } from '../used-again.ts'
import { CopyLoad } from './copy-load.ts'
import { tableGone } from '../destination-errors.ts'
import { requireOwn } from '../bookkeeping/fence.ts'
import { lockKey, quoteTable } from '../tables/identifiers.ts'
import { KeyRejections } from './key-rejections.ts'
import { LaneProgress } from '../../lane-progress.ts'
import { nameRejection } from '../../named-losses.ts'
import { keyTooLong } from '../merge/long-keys.ts'
import type { Merge } from '../merge/merge-sql.ts'
import { type LoggedPlace, type PostgresPlace, sessionPlace } from '../postgres-place.ts'
import type { RowTailOptions } from './copy-format.ts'
import { bringMetRows } from '../merge/met-rows.ts'
import { keyFieldsOf } from './record-key.ts'
import { SeenColumns } from './seen-columns.ts'
import { refuseTriggers, type RowPlace } from '../tables/row-account.ts'
import { runMerge } from '../merge/run-merge.ts'
import { DestinationSession } from '../session.ts'
import { createStaging, mergeOf, staging } from '../merge/staging.ts'
import { hasNullKeys, sweepRows, type Swept } from '../merge/sweep.ts'
import { streamTarget, type StreamTarget, targetColumns } from '../tables/stream-target.ts'
import { nameTriggers } from '../trigger-errors.ts'
import { requireUnchanged } from '../tables/changed-table.ts'
import { addMeta, ownColumns, readTable, type TableColumns } from '../tables/table-columns.ts'

/** Blocks are held until they are flushed; if the caller never flushes, no more than this is held. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024
const MAX_KEPT_REJECTIONS = 1000

/** All other lanes of the table may merge before this one. */
const mergeSeconds = 600

/** The sessions of this thread. */
const laneSessions = new SessionsUsedAgain('copies')

/** Opens a lane with a session to itself. Throws `fenced` if a newer `begin` took over. */
export async function openPostgresLane(
  place: LoggedPlace,
  sync: StreamSync,
  partition: number,
): Promise<SinkLane> {
  const target = streamTarget(sync.sink, place.schema)
  const stream = streamLabel(sync.streamId)
  const { table, stage, isOverwrite } = target
  const named = { stream, table, ...(isOverwrite && { stage }) }
  const use = {
    place: { ...sessionPlace(place), ...named },
    mark: markOf(sync.sink.connection, sync.start),
    ...(place.logger !== undefined && { logger: place.logger }),
  }
  const { session, isNew } = await laneSessions.take(use)
  try {
    if (isNew) await markSession(session, sync.sink.connection, sync.start)
    await lockForSession(session, 'shared', {
      keys: [laneLockKey(sync.sink.connection, sync.streamId)],
      subject: `stream ${stream} of connection ${sync.sink.connection}`,
      seconds: takeOverSeconds,
    })
    const id = await requireOwn(session, sync, 'unlocked')
    const actual = await readTable(session, target.loaded)
    if (actual === undefined) throw tableGone(session.address, quoteTable(target.loaded))
    return new PostgresLane({ place, session, use, sync, partition, target, id, actual })
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}

interface LaneContext {
  readonly place: PostgresPlace
  readonly session: DestinationSession
  readonly use: SessionUse
  readonly sync: StreamSync
  readonly partition: number
  readonly target: StreamTarget
  readonly id: string
  readonly actual: TableColumns
}

/** Nothing of the lane stays with its session. */
async function leaveStream(
  session: DestinationSession,
  { sink, streamId }: StreamSync,
  hasStaging: boolean,
): Promise<void> {
  if (hasStaging) await session.runPinned('DISCARD TEMP')
  await session.rows('SELECT pg_advisory_unlock_shared($1)', [
    laneLockKey(sink.connection, streamId),
  ])
}

/** Undefined if rows are only appended. A primary key takes no NULL. */
function rejectionsOf({
  key,
  primaryKey,
  hasSweeps,
  deletedAt,
}: StreamTarget): KeyRejections | undefined {
  if (key === undefined) return undefined
  return new KeyRejections(key, {
    ...(primaryKey !== undefined && { mostNulls: 0 }),
    ...(hasSweeps && deletedAt !== undefined && { sweepColumn: deletedAt }),
  })
}

class PostgresLane implements SinkLane {
  readonly #context: LaneContext
  readonly #load: CopyLoad
  readonly #progress: LaneProgress
  readonly #isDedup: boolean
  readonly #keyRejections: KeyRejections | undefined
  /** The table has `_airbyte_meta`, for good. */
  #hasMeta: boolean
  /** … or the open transaction gives it one. */
  #addsMeta = false
  /** The columns of the blocks that follow, as the log has them … */
  #wireColumns: readonly Column[] = []
  /** … and as the table has them, with what was seen of them in this transaction. */
  #columns: readonly { readonly name: string; readonly isInTable: boolean }[] = []
  #seen = new SeenColumns()
  /** Columns of the staging table; undefined before the first merge. */
  #staged: readonly string[] | undefined
  /** A batch had several rows of a key: later ones may too. */
  #repeatsKeys = false
  #rejections: RejectedRecord[] = []
  /** The first rejections of the transaction, for the account of the run. */
  #rejected: Loss[] = []
  /** Rows of the transaction that are marked as deleted. */
  #deleted = 0
  #copyMs = 0
  #ended = false

  constructor(context: LaneContext) {
    const { session, sync, target, actual } = context
    this.#context = context
    this.#progress = new LaneProgress(sync)
    this.#isDedup = target.key !== undefined
    this.#keyRejections = rejectionsOf(target)
    this.#hasMeta = actual.has('_airbyte_meta')
    const table = {
      table: quoteTable(target.loaded),
      name: target.loaded,
      tail: this.#tail(false),
      ...(this.#isDedup && { condition: `; ${refuseTriggers(target.loaded)}` }),
    }
    const name = { schema: 'pg_temp', table: '_reactor_staging' }
    const staged = { table: staging, name, tail: this.#tail(true) }
    // Deletes, and values that a change record does not have, need the existing rows; so does a sandbox,
    // which fetches them.
    const meetsRows = context.place.metRows?.[target.loaded.table] !== undefined
    const insertsFirst = target.deletedAt === undefined && !target.isCdc && !meetsRows
    this.#load = new CopyLoad({
      session,
      stream: streamLabel(sync.streamId),
      keyFields: keyFieldsOf(sync.sink.stream),
      types: actual,
      place: this.#isDedup && !insertsFirst ? staged : table,
      ...(this.#isDedup && insertsFirst && { whenMerged: staged }),
      ...(this.#keyRejections && { rejections: this.#keyRejections }),
      addMeta: () => this.#addMeta(),
      requireUnchanged: () => this.#requireUnchanged(),
    })
  }

  setColumns(columns: readonly Column[]): Promise<void> {
    return this.#guard(async () => {
      if (this.#load.hasStaged) throw new TypeError('columns change after a commit or a rollback')
      await this.#flush()
      const { actual, session, target } = this.#context
      this.#wireColumns = columns
      const named = targetColumns(columns)
      const wire = named.map(({ field, name, kind, postgres }) => {
        const column = actual.get(name)
        const target = column && { name, held: column.held, formatted: column.formatted }
        return { name: field, kind, postgres_type: postgres, target }
      })
      this.#columns = named.map(({ name }) => ({ name, isInTable: actual.has(name) }))
      this.#load.setColumns(wire, this.#tail(this.#load.isStaged))
      if (!this.#isDedup) return
      const staged = ownColumns(actual, [...target.columns, ...named])
      if (JSON.stringify(staged) === JSON.stringify(this.#staged)) return
      await createStaging(session, target.loaded, staged)
      this.#staged = staged
    })
  }

  write(block: RecordBlock): Promise<void> {
    return this.#guard(async () => {
      this.#progress.take(block.slice, block.seq, { loaded: block.count, rejected: 0 })
      const started = performance.now()
      await this.#load.write(block)
      this.#copyMs += performance.now() - started
      if (this.#load.keptBytes >= MAX_KEPT_BYTES) await this.#flush()
    })
  }

  reject(rejected: RejectedRecord): Promise<void> {
    return this.#guard(async () => {
      this.#progress.take(rejected.slice, rejected.seq, { loaded: 0, rejected: 1 })
      this.#note(rejected)
      if (this.#rejections.length >= MAX_KEPT_REJECTIONS) await this.#flush()
    })
  }

  flush(): Promise<void> {
    return this.#guard(() => this.#flush())
  }

  commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    return this.#guard(async () => {
      const { session, sync, id } = this.#context
      this.#progress.requireCovered(checkpoint.slices)
      await this.#flush()
      await this.#load.begin()
      const mergeStarted = performance.now()
      if (this.#load.hasStaged) await this.#merge()
      const commitStarted = performance.now()
      const { counts } = this.#progress
      const columns = this.#wireColumns
      const { losses } = this.#load
      await this.#requireUnchanged()
      await writeCheckpoint(session, sync, { id, checkpoint, columns, counts, losses })
      await session.commit()
      const stats = {
        loaded: this.#progress.total('loaded'),
        rejected: this.#progress.total('rejected'),
        nulled: losses.nulled,
        cut: losses.cut,
        deleted: this.#deleted,
        losses: [...this.#rejected, ...losses.named],
        copySeconds: this.#copyMs / 1000,
        mergeSeconds: (commitStarted - mergeStarted) / 1000,
        commitSeconds: (performance.now() - commitStarted) / 1000,
      }
      this.#hasMeta ||= this.#addsMeta
      this.#progress.committed()
      this.#restart()
      return stats
    })
  }

  async rollback(): Promise<void> {
    await this.#load.rollback()
    this.#progress.rolledBack()
    this.#restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const { session, use, sync } = this.#context
    try {
      if (!session.isLost) await this.rollback()
      if (!session.isLost) await leaveStream(session, sync, this.#staged !== undefined)
    } catch {
      // Not clean, so it must not be used again. The lane has ended, and its own error has been thrown.
      session.destroy()
    }
    await laneSessions.giveBack(session, use)
  }

  async #flush(): Promise<void> {
    const started = performance.now()
    await this.#load.flush()
    this.#copyMs += performance.now() - started
    this.#seen.add(this.#load.seen, this.#columns, this.#context.target.isCdc)
    for (const rejection of this.#keyRejections?.take() ?? []) this.#leaveOut(rejection)
    await this.#writeRejections()
  }

  async #writeRejections(): Promise<void> {
    if (this.#rejections.length === 0) return
    const { session, sync, id } = this.#context
    await this.#load.begin()
    await writeRejections(session, sync, { id, rejections: this.#rejections })
    this.#rejections = []
  }

  /** A record that was taken for loading cannot be loaded. */
  #leaveOut(rejection: RejectedRecord): void {
    this.#progress.reject(rejection.slice)
    this.#note(rejection)
  }

  #note(rejection: RejectedRecord): void {
    this.#rejections.push(rejection)
    nameRejection(this.#rejected, rejection)
  }

  /**
   * One lane at a time merges into a table: two lanes that update the same rows in a different order would
   * deadlock.
   */
  async #merge(): Promise<void> {
    const { session, sync, target } = this.#context
    const addsMeta = !this.#hasMeta && !this.#addsMeta && this.#seen.hasChanges
    this.#addsMeta ||= addsMeta
    const place = { stream: streamLabel(sync.streamId), table: target.loaded }
    await lockForTransaction(session, {
      keys: [lockKey('merge', target.loaded.schema, target.loaded.table)],
      subject: quoteTable(target.table),
      seconds: mergeSeconds,
    })
    const { merge, removed, then } = await this.#sweep(place)
    const {
      merge: merged,
      longKeys,
      deleted,
    } = await runMerge(session, merge, {
      ...place,
      rows: this.#load.stagedRows - removed,
      first: [
        ...(addsMeta ? [`ALTER TABLE ${quoteTable(target.loaded)} ${addMeta}`] : []),
        ...this.#metRows(merge),
      ],
      then,
    })
    this.#deleted += deleted + removed
    this.#repeatsKeys ||= merged.hasRepeatedKeys && !merge.hasRepeatedKeys
    for (const { row, key } of longKeys) {
      const record = this.#load.recordOf(row)
      this.#leaveOut({ ...record, key, reason: keyTooLong })
    }
    await this.#writeRejections()
  }

  async #sweep(place: RowPlace): Promise<Swept & { readonly merge: Merge }> {
    const { session } = this.#context
    const merge = this.#mergeOfSeen()
    if (this.#keyRejections?.hasSweeps !== true) return { merge, removed: 0, then: [] }
    const swept = await sweepRows(session, merge, place)
    return { ...swept, merge: { ...merge, hasNullKeys: await hasNullKeys(session, merge) } }
  }

  /** According to the rows that wait. */
  #mergeOfSeen(): Merge {
    const { sync, target, actual } = this.#context
    const { nulls, values, missing } = this.#seen
    const hasDeletes = target.deletedAt !== undefined && values.has(target.deletedAt)
    return mergeOf(target, target.loaded, {
      actual,
      columns: this.#mergedColumns(),
      deletes: hasDeletes ? sync.sink.deletes : 'none',
      missing: [...missing],
      hasNullKeys: target.key?.some((name) => nulls.has(name)) ?? false,
      hasRepeatedKeys: this.#repeatsKeys || hasDeletes || missing.size > 0,
    })
  }

  #metRows(merge: Merge): readonly string[] {
    const { place, target } = this.#context
    const met = place.metRows?.[target.loaded.table]
    return met === undefined ? [] : bringMetRows(merge, met)
  }

  #mergedColumns(): readonly string[] {
    const columns = new Set(this.#staged)
    if (this.#hasMeta || this.#addsMeta) columns.add('_airbyte_meta')
    return [...columns]
  }

  #requireUnchanged(): Promise<void> {
    const { session, target, actual } = this.#context
    return requireUnchanged(session, target.loaded, actual)
  }

  /**
   * Only for rows that go straight into a table with minimal metadata. Other lanes wait at their next COPY
   * until this one commits.
   */
  async #addMeta(): Promise<void> {
    const { session, target } = this.#context
    await session.run(`ALTER TABLE ${quoteTable(target.loaded)} ${addMeta}`)
    this.#addsMeta = true
  }

  #restart(): void {
    // A column that was added in a transaction that was rolled back is gone again.
    const tail = this.#tail(this.#load.isStaged)
    if (this.#load.hasMeta !== tail.hasMeta) this.#load.setTail(tail)
    this.#load.restart()
    this.#seen = new SeenColumns()
    this.#addsMeta = false
    this.#rejections = []
    this.#rejected = []
    this.#deleted = 0
    this.#copyMs = 0
  }

  #tail(isStaged: boolean): RowTailOptions {
    const { sync } = this.#context
    const { streamId, syncId, generationId, sink } = sync
    return {
      idFacts: [sink.connection, streamId.namespace ?? null, streamId.name],
      syncId,
      generationId,
      metadata: sink.metadata,
      hasMeta: isStaged || this.#hasMeta,
      isStaged,
    }
  }

  /** The error of a session that a newer `begin` ended only says that it is lost: find the reason. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      const { place, session, sync, target } = this.#context
      const error = session.error(thrown)
      const otherPlace = { ...sessionPlace(place), stream: streamLabel(sync.streamId) }
      if (error.code === 'destination_connection_lost') {
        await using other = await DestinationSession.open(otherPlace)
        await requireOwn(other, sync, 'unlocked')
      }
      throw await nameTriggers(error, { ...otherPlace, table: target.table })
    }
  }
}
