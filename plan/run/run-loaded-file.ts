import type { Logger } from 'pino'
import { connectorOf } from '../../connectors/registry.ts'
import type { Connector, ConnectorContext } from '../../connectors/connector.ts'
import type { WorkerThreads } from '../../engine/threads/worker-threads.ts'
import { kindOf } from '../../sinks/registry.ts'
import { type RunMetrics, unreadMetrics } from '../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../engine/run/run-connection.ts'
import type { EndedRun, RunPlan, RunProgress } from '../../engine/run-types.ts'
import { retryStart } from '../../engine/run/retry-start.ts'
import { type IdleSession, IdleSessions } from '../../lib/async/idle-sessions.ts'
import { ConnectError, streamIdOf, type JsonObject } from '../../protocol/index.ts'
import { newTexts, type Mask } from '../../protocol/secrets/mask.ts'
import { problemsError } from '../run-file/file-problem.ts'
import type { LoadedRunFile } from '../run-file/load-run-file.ts'
import { refusedStreams } from '../streams/refused-streams.ts'
import { resolveStreams } from '../streams/resolve-streams.ts'
import { runPlanOf } from '../run-file/run-plan.ts'

export interface RunOptions {
  /** Overrides the log of the file. */
  readonly log: 'embedded' | 'kafka' | undefined
  /** Overrides the file if it is true. */
  readonly continuous?: boolean | undefined
}

/** Whatever runs a file provides these. */
export interface FileRunPorts {
  readonly logger: Logger
  /** Default: nobody reads them. */
  readonly metrics?: RunMetrics
  /** It gets the secrets that the source finds or replaces. */
  readonly mask: Mask
  /** Ends the run at a checkpoint. */
  readonly signal: AbortSignal
  readonly threads: WorkerThreads
  now(): number
  /** A sentence for the user. Must not throw. */
  note(text: string): void
  /** Called a few times a second. Must not throw. */
  progress(progress: RunProgress): void
}

export type PlanPorts = Pick<FileRunPorts, 'logger' | 'mask' | 'signal' | 'now' | 'note'>

/**
 * Runs the connection of a loaded file: check, discover, resolve the streams, run.
 * @returns the ended run, of which the caller must dispose; undefined if it was stopped before the streams
 * @throws {ConnectError} if no stream could be run
 */
export async function runLoadedFile(
  file: LoadedRunFile,
  options: RunOptions,
  ports: FileRunPorts,
): Promise<EndedRun | undefined> {
  try {
    const source = new FileSource(file.source.config, ports)
    await using idleSessions = new IdleSessions()
    const context = { ports, source, idleSessions }
    const plan = await planRun(file, options, context)
    if (plan === undefined) return undefined
    const replan = async (): Promise<RunPlan['streams']> => {
      const quiet = { ...ports, note: () => undefined }
      return (await planRun(file, options, { ...context, ports: quiet }))?.streams ?? []
    }
    return await runPlan(plan, { ...context, replan })
  } catch (error) {
    // Before the streams. It would have been tried again if the user had not stopped the run.
    if (ports.signal.aborted && ConnectError.from(error).retryable) return undefined
    throw error
  }
}

/**
 * The plan of a run that only reads both sides: check, discover, resolve the streams. Undefined if it was
 * stopped before. Throws as `runLoadedFile` does.
 */
export async function planLoadedFile(
  file: LoadedRunFile,
  ports: PlanPorts,
): Promise<RunPlan | undefined> {
  const source = new FileSource(file.source.config, ports)
  await using idleSessions = new IdleSessions()
  return await planRun(file, { log: 'embedded' }, { ports, source, idleSessions })
}

/**
 * The configuration of the run file, with the changes of the source: the run continues with the one of the
 * check.
 */
class FileSource {
  readonly #fileConfig: JsonObject
  readonly #ports: PlanPorts
  #config: JsonObject

  constructor(config: JsonObject, ports: PlanPorts) {
    this.#fileConfig = config
    this.#config = config
    this.#ports = ports
  }

  get config(): JsonObject {
    return this.#config
  }

  readonly changed = (config: JsonObject): void => {
    const ports = this.#ports
    if (this.#config === this.#fileConfig)
      ports.note(
        'note: the source replaced a token of its configuration, which a run file cannot store: authorize it again before the next run',
      )
    ports.mask.add(newTexts(config, this.#fileConfig))
    this.#config = config
  }

  readonly secretFound = (text: string): void => {
    this.#ports.mask.addPassing(text)
  }
}

interface RunContext {
  readonly replan: () => Promise<RunPlan['streams']>
  readonly ports: FileRunPorts
  readonly source: FileSource
  /** The source is checked, asked for its streams and planned in one session. */
  readonly idleSessions: IdleSessions<IdleSession>
}

async function planRun(
  file: LoadedRunFile,
  options: RunOptions,
  {
    ports,
    source,
    idleSessions,
  }: Pick<RunContext, 'source' | 'idleSessions'> & { readonly ports: PlanPorts },
): Promise<RunPlan | undefined> {
  const connector = await connectorOf(file.source.type)
  const context: ConnectorContext = {
    logger: ports.logger,
    signal: ports.signal,
    allowedNetworks: file.source.allowedNetworks,
    configChanged: source.changed,
    secretFound: source.secretFound,
    now: () => ports.now(),
    idleSessions,
  }
  const catalog = await unlessStopped(
    () => retryStart(context, () => askSource(connector, file, { context, source })),
    ports.signal,
  )
  if (catalog === undefined) return undefined
  const { streams, problems, notes } = resolveStreams(catalog, {
    ...file.content,
    modes: kindOf(file.destination).capabilities.modes,
  })
  const refused = refusedStreams({ streams, problems })
  if (refused === undefined) throw problemsError(problems, file.place)
  for (const note of notes) ports.note(`note: ${note}`)
  const plan = runPlanOf(file, { streams, ...options })
  return {
    ...plan,
    refused: refused.map(({ stream, problems: own }) => {
      return { stream, error: problemsError(own, file.place).toJSON() }
    }),
    ...(file.content.streams === 'all' && { shown: catalog.streams.map(streamIdOf) }),
    source: { ...plan.source, config: source.config },
  }
}

async function askSource(
  connector: Connector,
  file: LoadedRunFile,
  { context, source }: { readonly context: ConnectorContext; readonly source: FileSource },
): ReturnType<Connector['discover']> {
  const checking = connector.check(source.config, context)
  kindOf(file.destination).preload()
  const status = await checking
  if (status.status === 'FAILED') {
    // A scheduler tries this again, and not a configuration that is wrong.
    if (status.error !== undefined) throw status.error
    const reason = status.message ?? 'the connector gave no reason'
    throw new ConnectError('source_check_failed', {
      details: { type: file.source.type, reason, file: file.place.file },
    })
  }
  if (status.message !== undefined)
    context.logger.warn({ reason: status.message }, 'the check of the source has a warning')
  return connector.discover(source.config, context)
}

async function runPlan(
  plan: RunPlan,
  { ports, source, idleSessions, replan }: RunContext,
): Promise<EndedRun> {
  const { logger, threads, signal, metrics = unreadMetrics } = ports
  const runPorts = {
    logger,
    metrics,
    threads,
    now: () => ports.now(),
    onProgress: (progress: RunProgress) => {
      ports.progress(progress)
    },
    onConfigChanged: source.changed,
    onSecretFound: source.secretFound,
    idleSessions,
    replan,
  }
  return await runConnection(plan, runPorts, signal)
}

/** Undefined as soon as the user stops: a source that does not respond must not hold up the command. */
async function unlessStopped<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const stopped = Promise.withResolvers<undefined>()
  const onAbort = (): void => {
    stopped.resolve(undefined)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) return undefined
    return await Promise.race([ask(), stopped.promise])
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
