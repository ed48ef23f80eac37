import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type {
  ChangeConfig,
  Connector,
  ConnectorContext,
  PlannedSlice,
  ReadSession,
} from '../connectors/connector.ts'
import {
  ConnectError,
  type ErrorCodeName,
  type JsonValue,
  streamIdOf,
  streamLabel,
} from '../protocol/index.ts'
import type { Destination, SinkStream, SliceCheckpoint, StreamSync } from '../sinks/sink.ts'
import { type LaneOutcome, runLane } from './lane-run.ts'
import type { StreamLog } from './log/stream-log.ts'
import type { LanePools } from './pools/lane-pools.ts'
import { joinObserved, type Observed } from './reader/observed-fields.ts'
import { isOwnSource } from './own-source.ts'
import type { RunPlan, StreamResult } from './run-types.ts'
import type { StreamTally } from './stream-tally.ts'

export type RunContext = ConnectorContext & { readonly changeConfig: ChangeConfig }

/** What the streams of a run share. */
export interface StreamRunDeps {
  readonly plan: RunPlan
  /** The destination's number of the run. */
  readonly run: number
  readonly connector: Connector
  readonly context: RunContext
  readonly session: ReadSession
  readonly destination: Destination
  readonly log: StreamLog
  readonly pools: LanePools
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** Attempts in a row from the same checkpoint, after which a stream that fails for transient reasons has failed. */
const maxBarrenAttempts = 4
const firstBackoffMs = 500
const maxBackoffMs = 30_000

/** Runs one stream to its end: transient failures are tried again from the last checkpoint, as long as there is progress. */
export async function runStream(
  deps: StreamRunDeps,
  sink: SinkStream,
  tally: StreamTally,
): Promise<StreamResult> {
  const run = new StreamRun(deps, sink, tally)
  let start = ''
  let barren = 0
  for (let attempt = 1; ; attempt++) {
    const outcome = await run.attempt(attempt)
    tally.settle()
    if (outcome.status !== 'failed') return run.result(outcome)
    const error = ConnectError.fromJSON(outcome.error)
    // Rows alone are no progress: a source may give the last ones again and again, and fail after them.
    barren = run.checkpoint === start ? barren + 1 : 1
    start = run.checkpoint
    if (!error.retryable || barren >= maxBarrenAttempts || deps.signal.aborted)
      return run.result(outcome)
    const waitMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** barren)
    deps.logger.warn(
      { stream: streamLabel(run.id), code: error.code, waitMs, attempt },
      'stream failed, trying again',
    )
    tally.retried()
    await sleep(waitMs, undefined, { signal: deps.signal }).catch(() => undefined)
  }
}

class StreamRun {
  readonly #deps: StreamRunDeps
  readonly #sink: SinkStream
  readonly #tally: StreamTally
  readonly #warnings: string[] = []
  readonly #startedAtMs: number
  #first: StreamSync | undefined
  #observed: Observed | undefined
  /** The states that the first and the last attempt began with. */
  #planned: { readonly first: string; readonly last: string } | undefined
  #failedWith: ErrorCodeName | undefined
  /** From where the last attempt began: equal texts are equal checkpoints. */
  checkpoint = ''

  constructor(deps: StreamRunDeps, sink: SinkStream, tally: StreamTally) {
    this.#deps = deps
    this.#startedAtMs = deps.context.now()
    this.#sink = sink
    this.#tally = tally
  }

  get id(): StreamSync['streamId'] {
    return streamIdOf(this.#sink.stream.stream)
  }

  async attempt(attempt: number): Promise<LaneOutcome> {
    const outcome = await this.#attempt(attempt)
    this.#failedWith = outcome.status === 'failed' ? outcome.error.code : undefined
    return outcome
  }

  async #attempt(attempt: number): Promise<LaneOutcome> {
    const { connector, context, plan, session, signal } = this.#deps
    if (signal.aborted) return { status: 'stopped' }
    try {
      // A source without room for another session has none for a second snapshot either.
      if (attempt === 1 || this.#failedWith === 'source_busy') return await this.#sync(session)
      // The session of the run may be what broke (a source that restarted loses its snapshot).
      await using own = await connector.openRead(plan.source.config, context)
      return await this.#sync(own)
    } catch (error) {
      const failure = ConnectError.from(error)
      if (failure.code === 'unexpected')
        this.#deps.logger.error({ err: error }, 'unexpected failure of a stream')
      return { status: 'failed', error: failure.toJSON() }
    }
  }

  result(outcome: LaneOutcome): StreamResult {
    const status = outcome.status
    this.#tally.status = status
    return {
      ...this.#tally.progress(this.#deps.context.now()),
      syncId: this.#first?.syncId ?? 0,
      generationId: this.#first?.generationId ?? 0,
      resumed: this.#first?.resumed ?? false,
      seconds: (this.#deps.context.now() - this.#startedAtMs) / 1000,
      progressed: status === 'complete' || this.#planned?.first !== this.#planned?.last,
      warnings: this.#warnings,
      ...(this.#observed !== undefined && { observed: this.#observed }),
      ...(outcome.status === 'failed' && { error: outcome.error }),
    }
  }

  async #sync(session: ReadSession): Promise<LaneOutcome> {
    const { destination, run } = this.#deps
    if (isOwnSource(this.#deps.plan, this.#sink)) {
      throw new ConnectError('destination_is_source', { details: { stream: streamLabel(this.id) } })
    }
    const sync = await destination.begin(this.#sink, run)
    this.#first ??= sync
    if (sync.doneInRun) return { status: 'complete' }
    const slices = await this.#plan(sync, session)
    const outcomes = await this.#runLanes(sync, { session, slices })
    const failed = outcomes.find((outcome) => outcome.status === 'failed')
    if (failed !== undefined) return failed
    if (outcomes.some((outcome) => outcome.status === 'stopped')) return { status: 'stopped' }
    await destination.finish(sync)
    return { status: 'complete' }
  }

  /** The slices with their checkpoints. The plan is saved before anything is read. */
  async #plan(sync: StreamSync, session: ReadSession): Promise<readonly SliceCheckpoint[]> {
    const saved = new Map(sync.slices.map((slice) => [slice.slice, slice]))
    this.checkpoint = JSON.stringify(sync.slices.map(({ slice, state }) => [slice, state]))
    const states = new Map<string, JsonValue | null>(
      sync.slices.map(({ slice, state }) => [slice, state]),
    )
    const planned = await session.plan(this.#sink.stream, states)
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
    // A new sync is complete when all of these are, also those whose state goes on from the last one.
    const toSave = sync.resumed ? slices.filter(({ slice }) => !saved.has(slice)) : slices
    if (toSave.length > 0) await this.#deps.destination.savePlan(sync, toSave)
    return slices
  }

  /** What the limit leaves after what earlier attempts of this run have loaded. */
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
    }: { readonly session: ReadSession; readonly slices: readonly SliceCheckpoint[] },
  ): Promise<readonly LaneOutcome[]> {
    const { plan, pools, logger, log, signal, context } = this.#deps
    const open = slices.filter(({ complete }) => !complete)
    const partitions = Math.max(1, ...slices.map(({ partition }) => partition + 1))
    const endpoints = await log.openStream({
      connection: plan.connection,
      stream: this.id,
      partitions,
    })
    const lanes = endpoints.flatMap((endpoint) => {
      const own = open.filter(({ partition }) => partition === endpoint.partition)
      return own.length === 0 ? [] : [{ endpoint, slices: own }]
    })
    return Promise.all(
      lanes.map((lane) =>
        runLane({
          ...lane,
          plan,
          pools,
          logger,
          signal,
          sync,
          tally: this.#tally,
          session: session.shared,
          maxRecordBytes: log.maxRecordBytes,
          onStart: () => {
            this.#tally.status = 'running'
          },
          onWarning: (warning) => {
            logger.warn({ stream: streamLabel(this.id), warning }, 'stream goes on with a warning')
            this.#warnings.push(warning)
          },
          onConfigChanged: (config) => context.configChanged?.(config),
          onObserved: (observed) => {
            this.#observed = joinObserved(this.#observed, observed)
          },
          limitRows: this.#limitRows(slices),
          changeConfig: context.changeConfig,
        }),
      ),
    )
  }
}

function estimatedRows(slices: readonly PlannedSlice[]): number | undefined {
  let rows: number | undefined
  for (const { estimate } of slices)
    if (estimate?.rows !== undefined) rows = (rows ?? 0) + estimate.rows
  return rows
}
