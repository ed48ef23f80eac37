import type { Logger } from 'pino'
import type {
  ChangeConfig,
  Connector,
  ConnectorContext,
  PlannedSlice,
  ReadSession,
} from '../../connectors/connector.ts'
import { nameResets } from '../../lib/text/reset-commands.ts'
import { ConnectError, type JsonValue, streamIdOf, streamLabel } from '../../protocol/index.ts'
import type {
  Destination,
  RunStart,
  SliceCheckpoint,
  StreamSync,
  Untold,
} from '../../sinks/sink.ts'
import { kindOf } from '../../sinks/registry.ts'
import type { AwayServers } from './away-servers.ts'
import { type LaneOutcome, runLane } from './lane-run.ts'
import type { OpenedStream, StreamLog } from '../log/stream-log.ts'
import type { ReadBefore, StreamTransform } from '../threads/protocol.ts'
import type { LaneThreads } from '../threads/worker-threads.ts'
import { joinObserved, type Observed } from '../observed-fields.ts'
import { sourceReading, withForms, type SourceReading } from './source-reading.ts'
import { streamRefusal } from './stream-refusal.ts'
import type { PlannedStream, RunPlan, StreamResult } from '../run-types.ts'
import type { StreamPlans } from './stream-plans.ts'
import type { StreamTally } from './stream-tally.ts'

export type RunContext = ConnectorContext & { readonly changeConfig: ChangeConfig }

/** The log does not continue where the destination does. */
const wrongLogCodes = new Set(['log_position_mismatch', 'log_out_of_order', 'accounting_mismatch'])

/** The dependencies that the streams of a run share. */
export interface StreamRunDeps {
  readonly plan: RunPlan
  /** The destination's number of the run and of this start of it. */
  readonly start: RunStart
  readonly connector: Connector
  readonly context: RunContext
  readonly session: ReadSession
  readonly destination: Destination
  readonly log: StreamLog
  readonly threads: LaneThreads
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly away: AwayServers
  readonly plans: StreamPlans
}

/** The session and slices that the lanes of an attempt read. */
interface Reading {
  readonly session: ReadSession
  readonly slices: readonly SliceCheckpoint[]
  /** Takes where slices continue. */
  readonly noteRead: (slices: readonly ReadBefore[]) => void
}

const notBegun = { syncId: 0, generationId: 0 } as const

/**
 * The syncs of one stream in a run: begins or resumes one, plans its slices, runs its lanes, and has the
 * result of all attempts.
 */
export class SyncRun {
  readonly #deps: StreamRunDeps
  #sink: PlannedStream
  readonly #tally: StreamTally
  readonly #warnings: string[] = []
  #tableNotes: StreamSync['tableNotes'] = []
  readonly #startedAtMs: number
  #first: StreamSync | undefined
  #last: StreamSync | undefined
  /** Its end was sent to the destination, and no response came. */
  #unconfirmed: { readonly sync: StreamSync; readonly session: ReadSession } | undefined
  /** Rows of the sync were read before this attempt. */
  #hasReadBefore = false
  /**
   * The session of the last attempt that began, and whether rows of the sync were read in another one before.
   */
  #readIn: ReadSession | undefined
  #isMixed = false
  #observed: Observed | undefined
  /** The states that the first and the last attempt began with. */
  #planned: { readonly first: string; readonly last: string } | undefined
  /** Where the last attempt began: equal texts are equal checkpoints. */
  checkpoint = ''
  /** How often the stream began again, because the source lost the snapshot that its rows were of. */
  timesBegunAgain = 0

  constructor(deps: StreamRunDeps, sink: PlannedStream, tally: StreamTally) {
    this.#deps = deps
    this.#startedAtMs = deps.context.now()
    this.#sink = sink
    this.#tally = tally
  }

  /** The next attempt reads and loads the stream like this. */
  replan(sink: PlannedStream): void {
    this.#sink = sink
  }

  get id(): StreamSync['streamId'] {
    return streamIdOf(this.#sink.stream.stream)
  }

  result(outcome: LaneOutcome): StreamResult {
    const status = outcome.status
    const { syncId, generationId } = this.#last ?? notBegun
    this.#tally.status = status
    return {
      ...this.#tally.progress(this.#deps.context.now()),
      syncId,
      generationId,
      tableNotes: this.#tableNotes,
      resumed: this.#first?.resumed ?? false,
      seconds: (this.#deps.context.now() - this.#startedAtMs) / 1000,
      progressed: status === 'complete' || this.#planned?.first !== this.#planned?.last,
      warnings: [...this.#warnings, ...this.#tally.lossWarnings(this.#rejectedTable)],
      ...(this.#observed !== undefined && { observed: this.#observed }),
      ...(this.#tally.preview !== undefined && { preview: this.#tally.preview }),
      ...(this.#tally.writes !== undefined && { writes: this.#tally.writes }),
      ...(outcome.status === 'failed' && { error: outcome.error }),
    }
  }

  /** Where all rejected records are. That of a sandbox is dropped with it. */
  get #rejectedTable(): string | undefined {
    const { destination } = this.#deps.plan
    return kindOf(destination).rejections(destination)
  }

  /** From `begin` to `finish`, in this session of the source. */
  async run(session: ReadSession): Promise<LaneOutcome> {
    const { destination, plan } = this.#deps
    const refusal = await streamRefusal(plan, this.#sink)
    if (refusal !== undefined) throw refusal
    const ended = this.#unconfirmed
    const isOtherMoment = this.#wasReadElsewhere(session)
    const sync = await this.#begin(session)
    if (sync.rowsAreGone === true) this.#tally.noteRowsGone()
    if (sync.doneInRun && ended !== undefined) return this.#goOnAfter(ended.sync, ended.session)
    if (sync.doneInRun) {
      this.#noteAge(sync)
      return { status: 'complete' }
    }
    this.#hasReadBefore = false
    const noteRead = (slices: readonly ReadBefore[]): void => {
      this.#hasReadBefore ||= slices.some((slice) => this.#isReadBefore(slice))
      this.#isMixed ||= isOtherMoment && this.#hasReadBefore
    }
    noteRead(sync.slices)
    const slices = await this.#plan(sync, session)
    // The checkpoints move without the log that an earlier attempt may have written.
    const { attemptKeys } = sync
    if (plan.log.kind === 'embedded' && attemptKeys.length > 1) await destination.leaveLog(sync)
    const outcome = await this.#load(sync, { session, slices, noteRead })
    return outcome.status === 'complete' ? this.#finish(sync, session) : outcome
  }

  /** An earlier attempt of this run began in another session of the source. */
  #wasReadElsewhere(session: ReadSession): boolean {
    return this.#readIn !== undefined && this.#readIn !== session
  }

  async #begin(session: ReadSession): Promise<StreamSync> {
    const { destination, start } = this.#deps
    const beginsAgain = this.#wasReadElsewhere(session) && session.isOfOneMoment === true
    const sync = await destination.begin(this.#sink, start, {
      unconfirmed: this.#unconfirmed?.sync,
      defersChanges: true,
      beginsAgain,
    })
    this.#unconfirmed = undefined
    const last = this.#last
    this.#first ??= sync
    this.#last = sync
    if (sync.doneInRun) this.#tally.noteExchanged()
    this.#noteUntold(sync)
    if (sync.doneInRun) return sync
    this.#readIn = session
    if (!sync.resumed) this.#isMixed = false
    if (beginsAgain && !sync.resumed && last !== undefined) this.#noteBegunAgain(sync)
    return sync
  }

  #noteBegunAgain({ untoldCounts }: StreamSync): void {
    this.#tally.noteBegunAgain(untoldCounts)
    this.timesBegunAgain += 1
    this.#deps.logger.warn(
      { stream: streamLabel(this.id), times: this.timesBegunAgain },
      'the source has lost the snapshot of the run: the stream begins again in another one',
    )
  }

  /**
   * Runs the lanes. Announces the attempt's plan to other readers of the log before them, and after them that
   * the sync is complete.
   */
  async #load(sync: StreamSync, reading: Reading): Promise<LaneOutcome> {
    const { slices } = reading
    const opened = await this.#deps.log.openStream({
      connection: this.#deps.plan.connection,
      stream: this.id,
      partitions: Math.max(1, ...slices.map(({ partition }) => partition + 1)),
    })
    const confirm = (): Promise<void> => this.#confirmNewest()
    await using announcement = await opened.announce?.({ sync, slices, confirm })
    const ends = new Map(slices.map(({ slice, seq }) => [slice, seq]))
    // A short read may have ended before its start is handled.
    const noteSeq = (slice: string, seq: number): void => {
      ends.set(slice, Math.max(seq, ends.get(slice) ?? 0))
    }
    const outcomes = await this.#runLanes(sync, { ...reading, opened, noteSeq })
    const failed = outcomes.filter((outcome) => outcome.status === 'failed')
    await this.#leaveWrongLog(
      sync,
      failed.map(({ error }) => error.code),
    )
    if (failed[0] !== undefined) return failed[0]
    if (outcomes.some((outcome) => outcome.status === 'stopped')) return { status: 'stopped' }
    await announcement?.complete(
      slices.map(({ slice, partition, seq }) => ({
        slice,
        partition,
        seq: ends.get(slice) ?? seq,
      })),
    )
    return { status: 'complete' }
  }

  /** Throws `fenced` if another start has the connection now. */
  async #confirmNewest(): Promise<void> {
    const { destination, plan, start } = this.#deps
    const { connection } = plan
    const by = await destination.newerStart(connection, start)
    if (by === undefined) return
    throw new ConnectError('fenced', { details: { connection, stream: streamLabel(this.id), by } })
  }

  /**
   * The stream has failed without a begin. Its result still contains the rows that earlier starts left
   * unreported, so that the end of the run reports them.
   */
  async tellEarlier(): Promise<void> {
    if (this.#first !== undefined) return
    const { destination, logger, start } = this.#deps
    try {
      const untold = await destination.untold(this.#sink, start)
      if (untold !== undefined) this.#noteUntold(untold)
    } catch (error) {
      // The stream's own error is reported; the destination stores this one for the next run.
      const stream = streamLabel(this.id)
      const { code, message: reason } = ConnectError.from(error)
      logger.warn({ stream, code, reason }, 'what earlier starts did could not be read')
    }
  }

  #noteUntold({ untoldCounts, tableNotes, warnings }: Untold): void {
    this.#tally.noteBegun(untoldCounts)
    this.#tableNotes = tableNotes
    for (const warning of warnings) this.#warn(warning)
  }

  async #finish(sync: StreamSync, session: ReadSession): Promise<LaneOutcome> {
    const { mode } = this.#sink
    if (mode === 'overwrite' || mode === 'overwrite_dedup') this.#tally.noteExchange()
    try {
      this.#unconfirmed = { sync, session }
      const warnings = await this.#deps.destination.finish(sync)
      this.#unconfirmed = undefined
      for (const warning of warnings) this.#warn(warning)
    } catch (error) {
      await this.#leaveWrongLog(sync, [ConnectError.from(error).code])
      throw error
    }
    return this.#goOnAfter(sync, session)
  }

  /** The sync is complete. */
  async #goOnAfter(sync: StreamSync, session: ReadSession): Promise<LaneOutcome> {
    if (!this.#hasReadBefore) return { status: 'complete' }
    // Rows that another start had read completely, or left in the log, are as old as that start: read on from
    // there.
    if (sync.isOlder && this.#isIncremental) return this.run(session)
    if (sync.isOlder || this.#isMixed) this.#noteAge(sync)
    return { status: 'complete' }
  }

  /** The next attempt would end at the same place: it reads from the destination's checkpoints instead. */
  async #leaveWrongLog(sync: StreamSync, codes: readonly string[]): Promise<void> {
    if (!codes.some((code) => wrongLogCodes.has(code))) return
    const { destination, logger } = this.#deps
    await destination.leaveLog(sync).catch((error: unknown) => {
      // The stream's own error is reported; the next attempt meets it again, and gets here again.
      const stream = streamLabel(this.id)
      const { code, message: reason } = ConnectError.from(error)
      logger.warn({ stream, code, reason }, 'a wrong log could not be noted at the destination')
    })
  }

  /** With the columns in the form that the destination has asked for. */
  #readingOf({ sink }: StreamSync): SourceReading {
    const { connector, plan } = this.#deps
    const typed = withForms(this.#sink, sink)
    return sourceReading(typed, { connector, maskKey: plan.maskKey })
  }

  get #isIncremental(): boolean {
    return this.#sink.stream.sync_mode === 'incremental'
  }

  /** An incremental slice that is read to its end now is up to date, wherever it continued from. */
  #isReadBefore({ seq, complete }: ReadBefore): boolean {
    return complete || (!this.#isIncremental && seq > 0)
  }

  /**
   * A stream that is read as a whole is one snapshot, not older than this start of the run. If it is older,
   * there is a warning.
   */
  #noteAge({ startedAtMs, doneInRun }: StreamSync): void {
    if (this.#isIncremental) return
    const since = new Date(startedAtMs).toISOString()
    this.#warn(
      doneInRun
        ? `An earlier start of this run completed the stream, and to read it again would append its rows twice. Its rows are as of ${since} or later.`
        : `The read went on after an interruption. Its rows are as of ${since} or later, not of one moment.`,
    )
  }

  /** Once for all lanes. Undefined if the table is as it is to be. */
  #tableChange(sync: StreamSync): (() => Promise<void>) | undefined {
    const { destination } = this.#deps
    if (sync.leavesTable !== true) return undefined
    let changed: Promise<void> | undefined
    const change = async (): Promise<void> => {
      const changes = await destination.changeTable?.(sync)
      this.#tableNotes = changes?.tableNotes ?? []
      for (const warning of changes?.warnings ?? []) this.#warn(warning)
    }
    return () => (changed ??= change())
  }

  #warn(text: string): void {
    const warning = nameResets(text, this.#deps.plan.connection)
    if (this.#warnings.includes(warning)) return
    this.#deps.logger.warn(
      { stream: streamLabel(this.id), warning },
      'the stream continues with a warning',
    )
    this.#warnings.push(warning)
  }

  /** The slices with their checkpoints. The plan is saved before anything is read. */
  async #plan(sync: StreamSync, session: ReadSession): Promise<readonly SliceCheckpoint[]> {
    const saved = new Map(sync.slices.map((slice) => [slice.slice, slice]))
    this.checkpoint = JSON.stringify(sync.slices.map(({ slice, state }) => [slice, state]))
    const states = new Map<string, JsonValue | null>(
      sync.slices.map(({ slice, state }) => [slice, state]),
    )
    const { stream, rules } = this.#readingOf(sync)
    const planned = await session.plan(stream, states, rules)
    this.#tally.estimate(estimatedRows(planned))
    const partitions = this.#deps.plan.limits.partitionsPerStream
    const slices = planned.map(
      ({ slice, state }, index) =>
        saved.get(slice) ?? {
          slice,
          partition: index % partitions,
          state,
          seq: 0,
          complete: false,
        },
    )
    const last = JSON.stringify(slices.map(({ slice, state }) => [slice, state]))
    this.#planned = { first: this.#planned?.first ?? last, last }
    // A new sync is complete when all of these are, also those whose state continues from the last one.
    const toSave = sync.resumed ? slices.filter(({ slice }) => !saved.has(slice)) : slices
    if (toSave.length > 0) await this.#deps.destination.savePlan(sync, toSave)
    return slices
  }

  /** The rest of the limit after the records that earlier attempts of this run have loaded. */
  #limitRows(slices: readonly SliceCheckpoint[]): number | undefined {
    const { limitRows } = this.#deps.plan.limits
    if (limitRows === undefined) return undefined
    const before = new Map(this.#first?.slices.map(({ slice, seq }) => [slice, seq]))
    const loaded = slices.map(({ slice, seq }) => seq - (before.get(slice) ?? 0))
    return Math.max(0, limitRows - loaded.reduce((total, rows) => total + rows, 0))
  }

  async #runLanes(
    sync: StreamSync,
    {
      session,
      slices,
      opened,
      noteSeq,
      noteRead,
    }: Reading & {
      readonly opened: OpenedStream
      /** Takes how many records a slice has so far. */
      readonly noteSeq: (slice: string, seq: number) => void
    },
  ): Promise<readonly LaneOutcome[]> {
    const { plan, threads, logger, signal, context, destination } = this.#deps
    const open = slices.filter(({ complete }) => !complete)
    const lanes = opened.lanes.flatMap((endpoint) => {
      const own = open.filter(({ partition }) => partition === endpoint.partition)
      return own.length === 0 ? [] : [{ endpoint, slices: own }]
    })
    const beforeLoad = this.#tableChange(sync)
    const reading = this.#readingOf(sync)
    const shared = session.sharedWith?.(reading.stream) ?? session.shared
    return Promise.all(
      lanes.map((lane) =>
        runLane({
          ...lane,
          plan,
          threads,
          logger,
          signal,
          sync,
          beforeLoad,
          tally: this.#tally,
          session: shared,
          maxRecordBytes: opened.maxRecordBytes,
          onStart: (from) => {
            this.#tally.status = 'running'
            noteRead(from)
            for (const { slice, seq } of from) noteSeq(slice, seq)
          },
          onSliceRead: noteSeq,
          onWarning: async (warning) => {
            this.#warn(warning)
            await destination.noteWarning(sync, warning)
          },
          onConfigChanged: (config) => context.configChanged?.(config),
          onSecretFound: (text) => context.secretFound?.(text),
          onObserved: (observed) => {
            this.#observed = joinObserved(this.#observed, observed)
          },
          limitRows: this.#limitRows(slices),
          transform: transformOf(plan, this.#sink),
          isFeed: session.isFeed === true,
          reading,
          changeConfig: context.changeConfig,
        }),
      ),
    )
  }
}

function transformOf(
  { functions }: RunPlan,
  { transform }: PlannedStream,
): StreamTransform | undefined {
  // Without a service the stream was refused.
  if (transform === undefined || functions === undefined) return undefined
  return { service: functions, name: transform }
}

function estimatedRows(slices: readonly PlannedSlice[]): number | undefined {
  let rows: number | undefined
  for (const { estimate } of slices)
    if (estimate?.rows !== undefined) rows = (rows ?? 0) + estimate.rows
  return rows
}
