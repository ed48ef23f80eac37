import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type {
  LaneStats,
  LogPosition,
  SinkLane,
  SliceCheckpoint,
  StreamSync,
} from '../../sinks/sink.ts'
import type { ObjectStorage } from '../../storage/object-storage.ts'
import type {
  LaneReader,
  LaneReaderOptions,
  LogEntry,
  LogRecords,
  StoredRecords,
} from '../log/stream-log.ts'
import type { LoadSeconds } from '../threads/protocol.ts'
import { LoadClock } from './load-clock.ts'

export interface LaneLoaderOptions {
  readonly sync: StreamSync
  readonly partition: number
  readonly lane: SinkLane
  /**
   * Opens the log's reading end; called again, from the last commit, if records of a dead attempt are found.
   */
  readonly openReader: (options: LaneReaderOptions) => Promise<LaneReader>
  readonly readerOptions: LaneReaderOptions
  /** Has the records that are too large for the log. Undefined: the operator has set none. */
  readonly storage: Pick<ObjectStorage, 'get'> | undefined
  /** The destination transaction ends at the first state after this many bytes … */
  readonly commitBytes: number
  /** … or after this time. */
  readonly commitMs: number
  /** The writer may have this many bytes in flight; absent: enough. */
  readonly queueBytes?: number
  readonly onCommit: (commit: {
    readonly stats: LaneStats
    readonly bytes: number
    readonly logWaitSeconds: number
    /** Those that moved. */
    readonly slices: readonly SliceCheckpoint[]
  }) => void
}

interface SliceProgress {
  /** Records covered by the newest state seen. */
  readonly covered: number
  /** Records seen, in order. */
  readonly seen: number
  readonly state: JsonValue | null
  readonly complete: boolean
}

/**
 * Records of an attempt that died before their state came: they are skipped until the attempt that reads them
 * again begins.
 */
interface Orphans {
  readonly slice: string
  readonly fromSeq: number
  readonly untilAttempt: number
}

/** Blocks are released to the log at this size, below the limit of most logs (engine/log), … */
const usualHeldBytes = 4 * 1024 * 1024
/**
 * … or if nothing has come for this long: a writer may be waiting for room for a record that is larger than
 * what is left.
 */
const giveBackAfterMs = 100
/**
 * A lane commits for a quarter of its time at most, unless its transactions would become too old: the lanes
 * of a feed share a thread and a few sessions.
 */
const pauseForCommit = 3
const longestPauseMs = 1_000

/** The reader that returned an entry, and the position before it. */
interface EntryPlace {
  readonly reader: LaneReader
  readonly position: string | undefined
}

type Positioned = NonNullable<Awaited<ReturnType<LaneReader['next']>>>

const untouched: SliceProgress = { covered: 0, seen: 0, state: null, complete: false }

/**
 * Loads one lane: log entries in, destination transactions out. A transaction holds whole units only (records
 * and the state that covers them), no record is missing or doubled in it, and it carries states, counts and
 * the log position.
 */
export class LaneLoader {
  readonly #options: LaneLoaderOptions
  readonly #lane: SinkLane
  readonly #moved = new Set<string>()
  #committed: ReadonlyMap<string, SliceProgress>
  #slices: Map<string, SliceProgress>
  #committedPosition: string | undefined
  /**
   * Columns of the records that come; undefined before the first `begin`, if the lane was not entered inside
   * a slice.
   */
  #columns: LogPosition['columns'] | undefined
  #committedColumns: LogPosition['columns'] | undefined
  #pending = { bytes: 0, held: 0, sinceMs: 0 }
  /** The next entry has arrived, and its bytes are in use from here on. */
  #hasNext = false
  readonly #clock = new LoadClock()
  #orphans: Orphans | undefined
  readonly #maxHeldBytes: number
  /** See `LaneLoaderOptions.commitMs`. */
  #commitMs: number

  constructor(options: LaneLoaderOptions) {
    const { queueBytes = Number.POSITIVE_INFINITY } = options
    this.#options = options
    this.#maxHeldBytes = Math.min(usualHeldBytes, queueBytes / 2)
    this.#commitMs = options.commitMs
    this.#lane = options.lane
    this.#committed = new Map(
      options.sync.slices.map(({ slice, seq, state, complete }) => [
        slice,
        { covered: seq, seen: seq, state, complete },
      ]),
    )
    this.#slices = new Map(this.#committed)
    this.#committedPosition = options.readerOptions.position
    this.#committedColumns = options.sync.positions.find(
      ({ partition }) => partition === options.partition,
    )?.columns
  }

  /** Where the time went, until now. */
  get seconds(): LoadSeconds {
    return this.#clock.seconds
  }

  /**
   * Loads until the writer closed the lane, or until `signal`. Complete units that were seen are committed
   * either way.
   */
  async run(signal: AbortSignal): Promise<'closed' | 'stopped'> {
    const { readerOptions } = this.#options
    await this.#useCommittedColumns()
    let outcome = await this.#readFrom(readerOptions, signal)
    while (outcome === 'orphans') {
      await this.#forgetPending()
      await this.#useCommittedColumns()
      const position = this.#committedPosition
      const attempt = readerOptions.attempt
      outcome = await this.#readFrom(
        { ...(attempt !== undefined && { attempt }), ...(position !== undefined && { position }) },
        signal,
      )
    }
    return outcome
  }

  async #readFrom(
    readerOptions: LaneReaderOptions,
    signal: AbortSignal,
  ): Promise<'closed' | 'stopped' | 'orphans'> {
    await using reader = await this.#options.openReader(readerOptions)
    let position = readerOptions.position
    let closed = false
    try {
      for (;;) {
        const item = await this.#next(reader, { signal, position })
        if (item === undefined) break
        if ((await this.#take(item.entry, { reader, position })) === 'orphans') return 'orphans'
        position = item.next
        closed = item.entry.type === 'close'
        if (item.entry.type === 'state' && this.#isCommitDue()) await this.#commit(reader, position)
      }
    } catch (error) {
      // The writer died. The part that it completed is worth loading; its own error is reported where it ran.
      if (ConnectError.from(error).code === 'log_writer_lost') await this.#finish(reader, position)
      throw error
    }
    await this.#finish(reader, position)
    return closed ? 'closed' : 'stopped'
  }

  /**
   * The next entry. While none comes, the log gets its blocks back, and a transaction that has waited long
   * enough is committed.
   */
  async #next(
    reader: LaneReader,
    { signal, position }: { readonly signal: AbortSignal; readonly position: string | undefined },
  ): Promise<Positioned | undefined> {
    this.#clock.waits()
    const next = reader.next(signal)
    const noteNext = (): void => {
      this.#hasNext = true
    }
    next.then(noteNext, noteNext)
    for (let idleMs = this.#idleMs(); idleMs !== undefined; idleMs = this.#idleMs()) {
      if (await settlesWithin(next, idleMs)) break
      this.#clock.works()
      if (this.#isAged()) await this.#commit(reader, position)
      else await this.#giveBack(reader)
      this.#clock.waits()
    }
    const item = await next
    this.#hasNext = false
    this.#clock.works()
    return item
  }

  /**
   * How long to wait for the next entry before something else must be done; undefined if there is nothing
   * else.
   */
  #idleMs(): number | undefined {
    const canCommit = this.#moved.size > 0 && this.#isCovered()
    const agesInMs = this.#pending.sinceMs + this.#commitMs - performance.now()
    if (this.#pending.held > 0)
      return Math.max(0, Math.min(giveBackAfterMs, canCommit ? agesInMs : Infinity))
    return canCommit ? Math.max(0, agesInMs) : undefined
  }

  #isAged(): boolean {
    const { sinceMs } = this.#pending
    return (
      this.#moved.size > 0 && this.#isCovered() && performance.now() - sinceMs >= this.#commitMs
    )
  }

  /** The lane's blocks are no longer needed: the log has room again. */
  async #giveBack(reader: LaneReader): Promise<void> {
    await this.#lane.flush()
    this.#release(reader)
  }

  /** Entries that have come in the meantime would be released too, but are not loaded yet: release later. */
  #release(reader: LaneReader): void {
    if (this.#hasNext) return
    reader.release()
    this.#pending.held = 0
  }

  async #take(entry: LogEntry, before: EntryPlace): Promise<'orphans' | undefined> {
    const { reader } = before
    switch (entry.type) {
      case 'begin':
        return this.#begin(entry, before)
      case 'records':
        if (!this.#isOrphan(entry)) await this.#write(entry, reader)
        else if (this.#pending.held === 0) reader.release()
        return undefined
      case 'stored':
        if (!this.#isOrphan(entry)) await this.#write(await this.#fetch(entry), reader)
        return undefined
      case 'rejected':
        if (!this.#isOrphan(entry)) await this.#reject(entry)
        return undefined
      case 'state':
        this.#cover(entry)
        return undefined
      case 'end':
        this.#end(entry)
        return undefined
      case 'close':
        return undefined
    }
  }

  async #begin(
    entry: Extract<LogEntry, { type: 'begin' }>,
    { reader, position }: EntryPlace,
  ): Promise<'orphans' | undefined> {
    const { sync } = this.#options
    const progress = this.#slices.get(entry.slice) ?? untouched
    if (entry.syncId !== sync.syncId)
      throw this.#mismatch('log_position_mismatch', sync.syncId, entry.syncId)
    if (this.#orphans !== undefined && entry.attempt >= this.#orphans.untilAttempt)
      this.#orphans = undefined
    if (entry.seq === progress.covered && progress.seen > progress.covered) {
      this.#orphans = { slice: entry.slice, fromSeq: entry.seq, untilAttempt: entry.attempt }
      return 'orphans'
    }
    if (entry.seq !== progress.seen)
      throw this.#mismatch('log_position_mismatch', progress.seen, entry.seq)
    if (isSame(entry.columns, this.#columns)) return undefined
    // Records with other columns go into a transaction of their own.
    if (this.#moved.size > 0) await this.#commit(reader, position)
    await this.#useColumns(entry.columns)
    return undefined
  }

  async #fetch({ slice, seq, count, object }: StoredRecords): Promise<LogRecords> {
    const { storage, sync } = this.#options
    if (storage === undefined)
      throw new ConnectError('storage_not_available', {
        details: { stream: streamLabel(sync.streamId), bucket: object.bucket },
      })
    return { type: 'records', slice, seq, count, bytes: await storage.get(object) }
  }

  async #write(entry: LogRecords, reader: LaneReader): Promise<void> {
    const progress = this.#expect(entry)
    await this.#lane.write(entry)
    this.#slices.set(entry.slice, { ...progress, seen: entry.seq + entry.count })
    this.#pending.bytes += entry.bytes.length
    this.#pending.held += entry.bytes.length
    if (this.#pending.held >= this.#maxHeldBytes) await this.#giveBack(reader)
  }

  async #reject(entry: Extract<LogEntry, { type: 'rejected' }>): Promise<void> {
    const progress = this.#expect(entry)
    await this.#lane.reject(entry)
    this.#slices.set(entry.slice, { ...progress, seen: entry.seq + 1 })
  }

  #cover(entry: Extract<LogEntry, { type: 'state' }>): void {
    const progress = this.#slices.get(entry.slice) ?? untouched
    const counted = entry.seq - progress.covered
    if (entry.seq !== progress.seen || entry.count !== counted)
      throw this.#mismatch('accounting_mismatch', entry.count, progress.seen - progress.covered)
    this.#slices.set(entry.slice, { ...progress, covered: entry.seq, state: entry.state })
    this.#move(entry.slice)
  }

  #end(entry: Extract<LogEntry, { type: 'end' }>): void {
    const progress = this.#slices.get(entry.slice) ?? untouched
    if (entry.seq !== progress.covered)
      throw this.#mismatch('accounting_mismatch', entry.seq, progress.covered)
    if (entry.outcome !== 'complete') return
    this.#slices.set(entry.slice, { ...progress, complete: true })
    this.#move(entry.slice)
  }

  #move(slice: string): void {
    if (this.#moved.size === 0) this.#pending.sinceMs = performance.now()
    this.#moved.add(slice)
  }

  #isOrphan(entry: { readonly slice: string; readonly seq: number }): boolean {
    return (
      this.#orphans !== undefined &&
      entry.slice === this.#orphans.slice &&
      entry.seq >= this.#orphans.fromSeq
    )
  }

  #expect(entry: { readonly slice: string; readonly seq: number }): SliceProgress {
    const progress = this.#slices.get(entry.slice) ?? untouched
    if (entry.seq !== progress.seen)
      throw this.#mismatch('accounting_mismatch', progress.seen, entry.seq)
    return progress
  }

  #isCovered(): boolean {
    for (const progress of this.#slices.values())
      if (progress.seen !== progress.covered) return false
    return true
  }

  #isCommitDue(): boolean {
    const { bytes, sinceMs } = this.#pending
    return (
      bytes >= this.#options.commitBytes ||
      performance.now() - sinceMs >= this.#commitMs ||
      this.#lane.isFull?.() === true
    )
  }

  /**
   * At the end: commits complete units; rows that no state covers are dropped, because a later attempt reads
   * them again.
   */
  async #finish(reader: LaneReader, position: string | undefined): Promise<void> {
    if (!this.#isCovered()) await this.#forgetPending()
    else if (this.#moved.size > 0) await this.#commit(reader, position)
  }

  async #commit(reader: LaneReader, position: string | undefined): Promise<void> {
    const { partition, onCommit } = this.#options
    const slices = [...this.#moved].map((slice) => {
      const { covered, state, complete } = this.#slices.get(slice) ?? untouched
      return { slice, partition, state, seq: covered, complete }
    })
    this.#clock.commits()
    const started = performance.now()
    const stats = await this.#lane.commit({
      partition,
      slices,
      ...(position !== undefined && { next: position }),
    })
    this.#clock.noteCommit(stats)
    const pauseMs = Math.min(longestPauseMs, pauseForCommit * (performance.now() - started))
    this.#commitMs = Math.max(this.#options.commitMs, pauseMs)
    const logWaitSeconds = this.#clock.takeLogWaitSeconds()
    onCommit({ stats, bytes: this.#pending.bytes, logWaitSeconds, slices })
    this.#committed = new Map(this.#slices)
    this.#committedPosition = position
    this.#committedColumns = this.#columns
    this.#clearPending()
    this.#release(reader)
    await reader.noteCommitted(position)
  }

  async #forgetPending(): Promise<void> {
    await this.#lane.rollback()
    this.#slices = new Map(this.#committed)
    this.#clearPending()
    this.#pending.held = 0
  }

  #clearPending(): void {
    this.#moved.clear()
    this.#pending = { bytes: 0, held: this.#pending.held, sinceMs: 0 }
  }

  async #useCommittedColumns(): Promise<void> {
    const columns = this.#committedColumns
    if (columns !== undefined && !isSame(columns, this.#columns)) await this.#useColumns(columns)
  }

  async #useColumns(columns: LogPosition['columns']): Promise<void> {
    await this.#lane.setColumns(columns)
    this.#columns = columns
  }

  #mismatch(
    code: 'accounting_mismatch' | 'log_position_mismatch',
    expected: number,
    actual: number,
  ): ConnectError {
    return new ConnectError(code, {
      details: { stream: streamLabel(this.#options.sync.streamId), expected, actual },
    })
  }
}

function isSame(
  columns: LogPosition['columns'],
  other: LogPosition['columns'] | undefined,
): boolean {
  return JSON.stringify(columns) === JSON.stringify(other)
}

/** Whether the promise is settled in time; it is not consumed. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>()
  const timer = setTimeout(timeout.resolve, ms, false)
  const settled = promise.then(
    () => true,
    () => true,
  )
  const first = await Promise.race([settled, timeout.promise])
  clearTimeout(timer)
  return first
}
