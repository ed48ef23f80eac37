import { streamLabel, type StreamId } from '../../protocol/index.ts'
import { addCounts, noCounts } from '../../sinks/committed-counts.ts'
import type {
  CommittedCounts,
  PreviewedMessages,
  RecordWrites,
  SinkStream,
  UntoldCounts,
} from '../../sinks/sink.ts'
import { addPreviews } from '../../sinks/previewed-messages.ts'
import { joinWrites } from '../../sinks/record-writes.ts'
import { bottleneckOf, stages, type Stage } from './bottleneck.ts'
import type { LoadEvent, LoadSeconds, ReadTotals } from '../threads/protocol.ts'
import { LossAccount } from './loss-account.ts'
import type { RunMetrics } from '../metrics/run-metrics.ts'
import { ReadAgain, type LaneStart } from './read-again.ts'
import type { StreamProgress, StreamRunStatus } from '../run-types.ts'
import { StageWindow } from './stage-window.ts'

/** The totals of a read job, with the time that the connector had. */
export interface TimedReadTotals extends ReadTotals {
  readonly sourceSeconds: number
}

export const noReadTotals: TimedReadTotals = {
  records: 0,
  bytes: 0,
  rejected: 0,
  sourceSeconds: 0,
  encodeSeconds: 0,
  logWaitSeconds: 0,
}

export const noLoadSeconds: LoadSeconds = {
  logWaitSeconds: 0,
  copySeconds: 0,
  mergeSeconds: 0,
  commitSeconds: 0,
}

function sumOf({ kept, staged, replaced }: UntoldCounts): CommittedCounts {
  return [staged, replaced].reduce(addCounts, kept)
}

/** Counts what the workers of one stream report, for progress and metrics. Attempts and lanes add up. */
export class StreamTally {
  readonly #stream: StreamId
  readonly #metrics: RunMetrics
  readonly #labels: { readonly connection: string; readonly stream: string }
  readonly #isStaged: boolean
  readonly #window = new StageWindow()
  /** The bottleneck that the metrics show; null before they show any. */
  #shown: Stage | undefined | null = null
  #status: StreamRunStatus = 'waiting'
  #exchanges = false
  #read = 0
  readonly #readAgain = new ReadAgain()
  #readBytes = 0
  #loaded = 0
  /** The part of these that went with a topic that was deleted, or is loaded once more. */
  #gone = 0
  #loadedBytes = 0
  #losses = new LossAccount()
  #untold: UntoldCounts | undefined
  /** The counts of the destination when `#loaded` without `#gone` was 0. */
  #atZero: CommittedCounts = noCounts
  #estimatedRows: number | undefined
  #rateLimitedUntilMs: number | undefined
  #preview: PreviewedMessages | undefined
  #writes: RecordWrites | undefined

  /** `isStaged`: loaded rows are in no table before the stream is complete. */
  constructor(
    {
      connection,
      stream,
      isStaged,
    }: Pick<SinkStream, 'connection'> & {
      readonly stream: StreamId
      readonly isStaged: boolean
    },
    metrics: RunMetrics,
  ) {
    this.#stream = stream
    this.#isStaged = isStaged
    this.#metrics = metrics
    this.#labels = { connection, stream: streamLabel(stream) }
  }

  get loaded(): number {
    return this.#loaded
  }

  /** The messages that would be sent, for a run that only shows them. */
  get preview(): PreviewedMessages | undefined {
    return this.#preview
  }

  /** The records of an instance that were written, or that would be. */
  get writes(): RecordWrites | undefined {
    return this.#writes
  }

  /** The losses and changes of the run, by this start and those before. `table` has all rejected records. */
  lossWarnings(table: string | undefined): readonly string[] {
    return this.#losses.warnings(table, this.#before)
  }

  set status(status: StreamRunStatus) {
    this.#status = status
  }

  /**
   * First it has what earlier starts left unreported; later also what this start committed, even if the
   * response to a COMMIT was lost.
   */
  noteBegun(untold: UntoldCounts): void {
    if (this.#untold === undefined) {
      this.#untold = untold
      this.#atZero = sumOf(untold)
      return
    }
    const [before, now] = [this.#atZero, sumOf(untold)]
    this.#loaded += Math.max(0, now.loaded - before.loaded - (this.#loaded - this.#gone))
    this.#losses.raise({
      rejected: now.rejected - before.rejected,
      nulled: now.nulled - before.nulled,
      cut: now.cut - before.cut,
    })
  }

  /** The end of an overwrite was committed, and nobody heard of it: the rows of earlier starts are gone. */
  noteExchanged(): void {
    if (this.#untold !== undefined) this.#untold = { ...this.#untold, replaced: noCounts }
  }

  /**
   * The topic that the rows were loaded into was deleted: they are nowhere, so nobody is to read that they
   * are loaded.
   */
  noteRowsGone(): void {
    this.#gone = this.#loaded
    if (this.#untold === undefined) return
    this.#untold = { ...this.#untold, kept: { ...this.#untold.kept, loaded: 0 } }
    this.#atZero = { ...this.#atZero, loaded: 0 }
  }

  /**
   * A new sync reads from its beginning what the last one of this start has loaded in part. A stage went with
   * that; rows that were merged, or are in a topic, are loaded once more.
   */
  noteBegunAgain(untold: UntoldCounts): void {
    this.#readAgain.noteBegunAgain()
    this.#gone = this.#loaded
    this.#losses = new LossAccount()
    this.#atZero = sumOf(untold)
    if (this.#isStaged) this.#untold = untold
  }

  /** All lanes are done: the rows of the table are being exchanged. */
  noteExchange(): void {
    this.#exchanges = true
  }

  estimate(rows: number | undefined): void {
    this.#estimatedRows = rows
  }

  countRetry(): void {
    this.#metrics.retries.inc(this.#labels)
  }

  rateLimited(untilMs: number): void {
    this.#rateLimitedUntilMs = untilMs
  }

  /** The read of a lane continues from here. */
  noteLaneOpened(partition: number, start: LaneStart): void {
    this.#readAgain.openLane(partition, start)
  }

  /**
   * Takes the totals of one job; `before` has those that the job reported before: only the difference counts.
   */
  read(
    totals: TimedReadTotals,
    { before, partition }: { readonly before: TimedReadTotals; readonly partition: number },
  ): void {
    const records = totals.records - before.records
    this.#readAgain.read(partition, records)
    this.#read += records
    this.#readBytes += totals.bytes - before.bytes
    if (records > 0) this.#rateLimitedUntilMs = undefined
    const metrics = this.#metrics
    metrics.readRecords.inc(this.#labels, records)
    metrics.readBytes.inc(this.#labels, totals.bytes - before.bytes)
    metrics.readRejected.inc(this.#labels, totals.rejected - before.rejected)
    const source = totals.sourceSeconds - before.sourceSeconds
    const encode = totals.encodeSeconds - before.encodeSeconds
    const logWrite = totals.logWaitSeconds - before.logWaitSeconds
    metrics.sourceSeconds.inc(this.#labels, source)
    metrics.encodeSeconds.inc(this.#labels, encode)
    metrics.logWriteWaitSeconds.inc(this.#labels, logWrite)
    this.#window.add({ source, encode, logWrite })
    this.#showLag()
  }

  /**
   * Adds the time of a load job so far, minus the time reported before; the metrics of these stages count
   * with each commit.
   */
  loading(seconds: LoadSeconds, before: LoadSeconds): void {
    this.#window.add({
      logRead: seconds.logWaitSeconds - before.logWaitSeconds,
      copy: seconds.copySeconds - before.copySeconds,
      merge: seconds.mergeSeconds - before.mergeSeconds,
      commit: seconds.commitSeconds - before.commitSeconds,
    })
  }

  addCommit({ stats, bytes, logWaitSeconds }: Extract<LoadEvent, { type: 'committed' }>): void {
    this.#loaded += stats.loaded
    this.#loadedBytes += bytes
    this.#losses.add(stats)
    if (stats.preview !== undefined) this.#preview = addPreviews(this.#preview, stats.preview)
    if (stats.writes !== undefined) this.#writes = joinWrites(this.#writes, stats.writes)
    const metrics = this.#metrics
    metrics.loadedRecords.inc(this.#labels, stats.loaded)
    metrics.loadRejected.inc(this.#labels, stats.rejected)
    metrics.nulledValues.inc(this.#labels, stats.nulled)
    metrics.logReadWaitSeconds.inc(this.#labels, logWaitSeconds)
    metrics.copySeconds.inc(this.#labels, stats.copySeconds)
    metrics.mergeSeconds.inc(this.#labels, stats.mergeSeconds)
    metrics.commitSeconds.inc(this.#labels, stats.commitSeconds)
    metrics.batchRecords.observe(this.#labels, stats.loaded)
    metrics.batchBytes.observe(this.#labels, bytes)
    metrics.committedAt.set(this.#labels, Date.now() / 1000)
    this.#showLag()
  }

  /**
   * An attempt ended: records that were read and not committed are dropped, or wait in the log for the next
   * attempt.
   */
  settle(): void {
    this.#exchanges = false
    this.#metrics.queueBytes.set(this.#labels, 0)
    this.#metrics.lagRecords.set(this.#labels, 0)
    this.#window.restart()
    this.#showBottleneck(undefined)
  }

  /** `atMs` never goes back. */
  progress(atMs: number): StreamProgress {
    const isRunning = this.#status === 'running'
    const bottleneck = isRunning ? this.#stage(atMs) : undefined
    this.#showBottleneck(bottleneck)
    const readAgain = this.#repeats
    const before = this.#before
    return {
      stream: this.#stream,
      status: this.#status,
      read: this.#read - readAgain,
      readAgain,
      readBytes: this.#readBytes,
      loaded: this.#hasLeftStage ? 0 : this.#loaded - this.#gone,
      rejected: this.#losses.rejected,
      nulled: this.#losses.nulled,
      cut: this.#losses.cut,
      ...(before !== undefined && { before }),
      ...(bottleneck !== undefined && { bottleneck }),
      ...(this.#estimatedRows !== undefined && { estimatedRows: this.#estimatedRows }),
      ...(this.#rateLimitedUntilMs !== undefined && {
        rateLimitedUntilMs: this.#rateLimitedUntilMs,
      }),
    }
  }

  get #repeats(): number {
    if (this.#status !== 'complete') return this.#readAgain.count
    // Everything that was read has arrived.
    return Math.max(0, this.#read - (this.#loaded - this.#gone) - this.#losses.rejected)
  }

  /** The rows that earlier starts committed, as far as they are in a table, or will be. */
  get #before(): CommittedCounts | undefined {
    if (this.#untold === undefined) return undefined
    const { kept, staged, replaced } = this.#untold
    const inStage = this.#isUnfinished ? { ...staged, loaded: 0 } : staged
    return [inStage, this.#status === 'complete' ? noCounts : replaced].reduce(addCounts, kept)
  }

  /** It has ended, and its table was not exchanged. */
  get #hasLeftStage(): boolean {
    return this.#isStaged && this.#isUnfinished
  }

  get #isUnfinished(): boolean {
    return this.#status === 'failed' || this.#status === 'stopped'
  }

  #stage(atMs: number): Stage | undefined {
    return this.#exchanges ? 'exchange' : bottleneckOf(this.#window.recent(atMs))
  }

  /** In a run of 10,000 streams, most wait or have ended. */
  #showBottleneck(bottleneck: Stage | undefined): void {
    if (bottleneck === this.#shown) return
    this.#shown = bottleneck
    for (const stage of stages)
      this.#metrics.bottleneck.set({ ...this.#labels, stage }, stage === bottleneck ? 1 : 0)
  }

  #showLag(): void {
    this.#metrics.queueBytes.set(this.#labels, Math.max(0, this.#readBytes - this.#loadedBytes))
    this.#metrics.lagRecords.set(
      this.#labels,
      Math.max(0, this.#read - this.#loaded - this.#losses.rejected),
    )
  }
}
