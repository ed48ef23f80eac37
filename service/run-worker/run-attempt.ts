import { kindOf } from '../../sinks/registry.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { addCounts, noCounts } from '../../sinks/committed-counts.ts'
import { runConnection } from '../../engine/run/run-connection.ts'
import type { EndedRun, RunProgress, RunResult, StreamResult } from '../../engine/run-types.ts'
import { ConnectError, streamIdOf, streamLabel } from '../../protocol/index.ts'
import { runnableStreams } from '../connections/connection-streams.ts'
import { requireFreeNewTopics } from '../connections/topic-users.ts'
import { changeFacts } from '../schema-changes/change-document.ts'
import { leaveUnreadable } from '../connections/drift/keep-to-approved.ts'
import { settleSchema, type SettledCatalog } from '../connections/drift/settle-schema.ts'
import { Execution } from '../execution/execution.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import type { Connection } from '../connections/schema.ts'
import type { Run, RunStream } from '../runs/schema.ts'
import type { ClaimedRun } from '../runs/contract.ts'
import {
  errorsOf,
  isNewerDestination,
  outcomeOf,
  type Ending,
  type Outcome,
  type StopReason,
} from './attempt-outcome.ts'
import { AttemptStreams } from './attempt-streams.ts'
import type { LeftRuns } from './left-runs.ts'
import { sendHeartbeats } from './send-heartbeats.ts'
import { followsSource } from '../schema-changes/schema.ts'
import { findPlaces, placeSecrets, planRun, promotedPlaces, type PlannedRun } from './plan-run.ts'
import { explainRefusedLogin } from './refused-login.ts'
import { RunLog } from './run-log.ts'
import { storeSchemas } from './store-schemas.ts'
import type { RunTiming, RunWorkerOptions } from './run-worker-options.ts'
import { beginAttempts, outcomeLabel } from './service-metrics.ts'
import { ProgressLog } from './progress-log.ts'
import { unlessAborted } from '../../lib/async/unless-aborted.ts'
import { retryWhileAway, type Patience } from './retry-while-away.ts'

const againMs = 250
/** The warnings name keys of records, which must not be in a log. */
const lossMessage =
  'records were left out, or values were changed: the warnings of the run say more'
const stopMessage = 'the service stops; the run continues when a service has a free slot'
const upgradeMessage =
  'a newer version has migrated the metadata database; the run continues in a process of that version'
const leftMessage =
  'a newer version has migrated the destination; the run is left to a process of that version'

type AttemptOptions = Omit<RunWorkerOptions, 'queue' | 'timing'> &
  RunTiming & { readonly left: LeftRuns }

/** The state that an attempt starts with. */
interface Prepared extends PlannedRun {
  readonly connection: Connection
  readonly shared: SharedConfig
}

/**
 * One attempt of a run that this process has claimed: from the claim to the run's end, or to its return into
 * the queue.
 */
export class RunAttempt {
  readonly #run: ClaimedRun
  readonly #options: AttemptOptions
  readonly #streams: AttemptStreams
  readonly #stop = new AbortController()
  readonly #shutdown = new AbortController()
  readonly #log: RunLog
  readonly #execution: Execution
  #reason: StopReason | undefined
  /**
   * The warnings of the run as a whole: those of the previous attempt, until the engine reports the present
   * ones.
   */
  #warnings: readonly string[]
  /** The engine's part, once it has ended: it is confirmed when the streams are stored. */
  #ended: EndedRun | undefined

  constructor(run: ClaimedRun, options: AttemptOptions) {
    this.#run = run
    this.#options = options
    this.#streams = new AttemptStreams(run.streams)
    this.#warnings = run.warnings
    const { store, logger } = options
    this.#log = new RunLog({ run: run.id, store: store.runs, logger })
    this.#execution = new Execution({
      logger,
      level: logger.isLevelEnabled('debug') ? 'debug' : 'info',
      facts: { run: run.id, connection: run.connection },
      onLine: (line) => {
        this.#log.take(line)
      },
    })
    if (run.cancelRequested) this.stop('cancel')
  }

  get #logger(): Logger {
    return this.#execution.logger
  }

  get #patience(): Patience {
    return { logger: this.#options.logger, shutdown: this.#shutdown.signal }
  }

  /**
   * Lets it drain to the last checkpoint. The first reason counts; a run that is lost cannot be cancelled.
   */
  stop(reason: StopReason): void {
    if (reason === 'lost') this.#reason = reason
    this.#reason ??= reason
    this.#stop.abort()
    if (reason === 'shutdown') this.#shutdown.abort()
  }

  /**
   * Resolves when the run has ended, is back in the queue, or belongs to another process. Throws if the
   * result could not be stored.
   */
  async work(): Promise<void> {
    beginAttempts(this.#options.serviceMetrics, this.#run.connection)
    const beating = new AbortController()
    const beats = this.#beat(beating.signal)
    try {
      const ending = await this.#execute()
      this.#streams.settle()
      await this.#conclude(ending)
    } finally {
      beating.abort()
      await beats
      await this.#ended?.[Symbol.asyncDispose]()
      await this.#log[Symbol.asyncDispose]()
    }
  }

  #beat(signal: AbortSignal): Promise<void> {
    const { store, owner, beatMs, logger } = this.#options
    const onWord = (word: 'cancel' | 'lost'): void => {
      if (word === 'cancel') this.#logger.info('cancelled: draining to the last checkpoint')
      this.stop(word)
    }
    const streams = (): readonly RunStream[] => this.#streams.all
    const beatOptions = { run: this.#run.id, owner, store: store.runs, everyMs: beatMs, logger }
    return sendHeartbeats({ ...beatOptions, streams, onWord }, signal)
  }

  async #execute(): Promise<Ending> {
    try {
      const prepared = await unlessAborted(this.#prepare(), this.#stop.signal)
      if (prepared === undefined) return { result: { status: 'stopped', seconds: 0, streams: [] } }
      return { result: await this.#runEngine(prepared) }
    } catch (error) {
      const thrown = this.#execution.error(error)
      if (thrown.code === 'unexpected') this.#logger.error({ err: error }, 'unexpected failure')
      return { thrown }
    }
  }

  async #prepare(): Promise<Prepared> {
    const { store, instances, places: settings } = this.#options
    const connection = await store.connections.get(this.#run.connection)
    const found = await findPlaces(connection, settings)
    const isPromoted = this.#run.trigger === 'promote'
    const places = isPromoted ? promotedPlaces(found) : found
    this.#execution.hide(placeSecrets(places))
    const source = await instances.resolveConfig(connection.from)
    const shared = this.#execution.shareConfig({ instance: connection.from, source, instances })
    await this.#keepDone(connection)
    const settled = await this.#settleSchema(connection)
    if (settled === undefined) {
      // The connection was changed a moment ago; or the run is lost, which the next heartbeat reports.
      await sleep(againMs, undefined, { signal: this.#stop.signal })
      return this.#prepare()
    }
    const runnable = runnableStreams(settled.catalog, connection, settled)
    const resolved = leaveUnreadable(connection, runnable, settled.seen)
    const { allowedNetworks } = settings
    const done = this.#streams.all
    const options = { run: this.#run.id, done, places, allowedNetworks, resolved }
    const planned = planRun(connection, source, options)
    await storeSchemas(planned.plan, this.#run.id, store.schemas)
    const shown = connection.streams === null && { shown: settled.all.streams.map(streamIdOf) }
    return { ...planned, plan: { ...planned.plan, ...shown }, connection, shared }
  }

  /** Undefined if the connection was changed in the meantime, or the run belongs to another process. */
  #settleSchema(connection: Connection): Promise<SettledCatalog | undefined> {
    const { store, owner, instances } = this.#options
    return settleSchema({
      connection,
      run: this.#run,
      owner,
      instances,
      store: store.drift,
      now: () => this.#options.now(),
      admit: (seen) => requireFreeNewTopics(connection, seen, store),
      onChanges: (changes, policy) => {
        for (const change of changes) {
          const facts = { policy, ...changeFacts(change) }
          if (followsSource(policy)) this.#logger.info(facts, 'the schema of the source changed')
          else this.#logger.warn(facts, 'the schema of the source is not the approved one')
        }
      },
    })
  }

  /**
   * A retry continues where the other run ended: streams that it completed are complete. Except if the
   * connection was changed or reset since: it may have another destination, or none of the rows.
   */
  async #keepDone({ name, updatedAt }: Connection): Promise<void> {
    const { retryOf, streams } = this.#run
    if (retryOf === null || streams.length > 0) return
    const retried = await this.#findRetriedRun(name, retryOf)
    if (retried === null) return
    const since = retried.startedAt ?? retried.createdAt
    if (Date.parse(updatedAt) <= Date.parse(since)) this.#streams.keep(retried)
  }

  /** Null if it was deleted because of its age in the meantime: nothing of it is taken over. */
  async #findRetriedRun(connection: string, id: string): Promise<Run | null> {
    try {
      return await this.#options.store.runs.get(connection, id)
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'run_not_found') return null
      throw error
    }
  }

  async #runEngine({ connection, shared, plan, notes }: Prepared): Promise<RunResult> {
    for (const note of notes) this.#logger.info({ note }, 'note')
    const planned = plan.streams.map(({ stream }) => streamIdOf(stream.stream))
    const refused = plan.refused?.map(({ stream }) => stream) ?? []
    this.#streams.begin([...planned, ...refused])
    const facts = { streams: plan.streams.length, log: plan.log.kind }
    this.#logger.info({ attempt: this.#run.attempts, ...facts }, 'run started')
    const progressLog = new ProgressLog(this.#logger)
    const ports = {
      logger: this.#logger,
      threads: this.#options.threads,
      metrics: this.#options.metrics,
      ...shared.ports,
      now: () => this.#options.now(),
      replan: async () => (await this.#prepare()).plan.streams,
      onProgress: (progress: RunProgress) => {
        this.#streams.progress(progress.streams)
        // The engine writes a summary of a continuous run.
        if (plan.isContinuous !== true) progressLog.progress(progress)
      },
      // Stored at once: this process may be killed before the others have ended, and no other process reads
      // the stream again.
      onStreamEnded: (stream: StreamResult) => {
        this.#streams.result([this.#execution.maskOutcome(stream)])
      },
    }
    try {
      const running = runConnection(plan, ports, this.#stop.signal)
      this.#ended = await running.catch(async (thrown: unknown) => {
        if (!(thrown instanceof ConnectError)) throw thrown
        throw await this.#explainRefusedLogin(thrown, { connection, plan })
      })
      const { result } = this.#ended
      this.#warnings = this.#execution.warnings(result.warnings ?? [])
      const authorized = await this.#explainLostAuthorization(
        result.streams,
        connection.from,
        shared,
      )
      const explained = await this.#explainRefusedLogins(authorized, { connection, plan })
      const streams = explained.map((stream) => this.#execution.maskOutcome(stream))
      this.#streams.result(streams)
      for (const stream of streams) this.#tell(stream)
      return { ...result, streams }
    } finally {
      await shared.waitUntilSettled()
    }
  }

  /** Returns the error of the instance if the source reports that its authorization is lost. */
  async #explainLostAuthorization(
    streams: readonly StreamResult[],
    instance: string,
    { current: config }: SharedConfig,
  ): Promise<readonly StreamResult[]> {
    const isLost = ({ error }: StreamResult): boolean => error?.code === 'source_authorization_lost'
    const lost = streams.find(isLost)?.error
    if (lost === undefined) return streams
    const reason = typeof lost.details?.reason === 'string' ? lost.details.reason : lost.message
    const reauthorization = await this.#options.instances.noteAuthorizationLost(instance, {
      config,
      reason,
    })
    const error = reauthorization.toJSON()
    return streams.map((stream) => (isLost(stream) ? { ...stream, error } : stream))
  }

  async #explainRefusedLogins(
    streams: readonly StreamResult[],
    prepared: Pick<Prepared, 'connection' | 'plan'>,
  ): Promise<readonly StreamResult[]> {
    const isRefused = ({ error }: StreamResult): boolean =>
      error?.code === 'destination_credentials_refused'
    const refused = streams.find(isRefused)?.error
    if (refused === undefined) return streams
    const error = (
      await this.#explainRefusedLogin(ConnectError.fromJSON(refused), prepared)
    ).toJSON()
    return streams.map((stream) => (isRefused(stream) ? { ...stream, error } : stream))
  }

  async #explainRefusedLogin(
    error: ConnectError,
    { connection, plan }: Pick<Prepared, 'connection' | 'plan'>,
  ): Promise<ConnectError> {
    const { destinationOf } = this.#options.places
    const { destination: used } = plan
    const login = kindOf(used).login?.(used)
    if (login === undefined) return error
    return explainRefusedLogin(error, {
      used: login,
      ask: async () => {
        const now = await destinationOf(connection)
        return kindOf(now).login?.(now)
      },
    })
  }

  #tell({
    stream,
    status,
    read,
    loaded,
    rejected,
    nulled,
    cut,
    before = noCounts,
    error,
    tableNotes,
  }: StreamResult): void {
    const facts = { stream: streamLabel(stream), read, loaded, rejected }
    for (const { kind, ...note } of tableNotes)
      this.#logger.info({ stream: facts.stream, change: kind, ...note }, 'a column changed')
    const losses = addCounts({ loaded, rejected, nulled, cut }, before)
    if (losses.rejected + losses.nulled + losses.cut > 0) {
      const counts = { rejected: losses.rejected, nulled: losses.nulled, cut: losses.cut }
      this.#logger.warn({ stream: facts.stream, ...counts }, lossMessage)
    }
    if (error === undefined) this.#logger.info(facts, `stream ${status}`)
    else this.#logger.error({ ...facts, code: error.code, reason: error.message }, 'stream failed')
  }

  async #conclude(ending: Ending): Promise<void> {
    const end = {
      ending,
      streams: this.#streams.all,
      reason: this.#reason,
      fruitlessBefore: this.#run.fruitlessAttempts,
      leaveMs: this.#leaveMs(ending),
    }
    const outcome = outcomeOf(end, this.#options.retries, Math.random())
    const { connection } = this.#run
    this.#options.serviceMetrics.attempts.inc({ connection, outcome: outcomeLabel(outcome) })
    if (outcome.kind === 'lost') {
      this.#options.logger.warn({ run: this.#run.id }, 'another process has taken the run over')
      return
    }
    await this.#noteReported()
    if (outcome.kind === 'again') await this.#requeue(outcome)
    else await this.#end(outcome)
  }

  /** Undefined if it is not for a newer version to do, or none does it. */
  #leaveMs(ending: Ending): number | undefined {
    const { left, leaveMs } = this.#options
    const isNewer = errorsOf(ending).some(isNewerDestination)
    return isNewer && left.leave(this.#run) ? leaveMs : undefined
  }

  /**
   * Confirms to the destination that the run's row has its warnings and table changes; the destination may
   * then forget them. The row is written first, because this process may be killed at any moment. Both happen
   * before the run ends: another run of the connection may start then, and would report them again.
   */
  async #noteReported(): Promise<void> {
    const ended = this.#ended
    if (ended === undefined || ended.result.status === 'stopped') return
    const { store, owner } = this.#options
    const streams = this.#streams.all
    if (streams.some(({ warnings, tableChanges }) => warnings.length + tableChanges.length > 0)) {
      const word = await retryWhileAway(
        () => store.runs.progress(this.#run.id, owner, streams),
        this.#patience,
      )
      if (word === 'lost') return
    }
    await ended.confirmReported()
  }

  async #end({ status, error }: Extract<Outcome, { kind: 'end' }>): Promise<void> {
    const { store, owner } = this.#options
    const why = error === null ? {} : { code: error.code, reason: error.message }
    this.#logger.info({ status, ...why }, 'run ended')
    await this.#log.flush()
    const ended = { status, streams: this.#streams.all, warnings: this.#warnings, error }
    await retryWhileAway(() => store.runs.end(this.#run.id, owner, ended), this.#patience)
  }

  async #requeue(again: Extract<Outcome, { kind: 'again' }>): Promise<void> {
    const { store, owner, jobs, logger } = this.#options
    const { id: run, connection, attempts: attempt } = this.#run
    const { error, progressed, delayMs } = again
    if (error === null) this.#logger.info(this.#reason === 'upgrade' ? upgradeMessage : stopMessage)
    else {
      const seconds = Math.round(delayMs / 1000)
      const facts = { code: error.code, reason: error.message, seconds }
      this.#logger.warn(
        facts,
        isNewerDestination(error) ? leftMessage : 'attempt failed, trying again',
      )
    }
    await this.#log.flush()
    const reported = { streams: this.#streams.all, warnings: this.#warnings }
    const next = { error, progressed, delayMs, ...reported }
    const queued = await retryWhileAway(() => store.runs.requeue(run, owner, next), this.#patience)
    if (queued?.status !== 'queued') return
    await jobs.submit({ run, connection, attempt, delayMs }).catch((thrown: unknown) => {
      // Its row says that it is due: the run is found there.
      logger.warn({ run, code: ConnectError.from(thrown).code }, 'a run could not be queued')
    })
  }
}
