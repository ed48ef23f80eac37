import type { Logger } from 'pino'
import { connectorOf } from '../../connectors/registry.ts'
import type { Connector, ConnectorContext } from '../../connectors/connector.ts'
import type { WorkerThreads } from '../../engine/threads/worker-threads.ts'
import { preloadDestination } from '../../engine/open-destination.ts'
import { unreadMetrics } from '../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../engine/run/run-connection.ts'
import type { EndedRun, RunPlan } from '../../engine/run-types.ts'
import { retryStart } from '../../engine/run/retry-start.ts'
import { type IdleSession, IdleSessions } from '../../lib/async/idle-sessions.ts'
import { ConnectError, streamIdOf, type JsonObject } from '../../protocol/index.ts'
import { newTexts, type Mask } from '../../service/platform/secrets/mask.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { problemsError } from '../run-file/file-problem.ts'
import type { LoadedRunFile } from '../run-file/load-run-file.ts'
import { resolveStreams } from '../../service/connections/resolve-streams.ts'
import { runPlanOf } from '../run-file/run-plan.ts'
import { commandFailure } from '../output/command-failure.ts'
import type { MetricsServer } from './metrics-server.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

export interface RunOptions {
  readonly log: 'embedded' | 'kafka' | undefined
  readonly metricsPort: number | undefined
}

/** The context of a run from its command. */
export interface RunCommandContext {
  readonly output: RunOutput
  readonly logger: Logger
  /** All output goes through it: it gets the secrets that the source finds or replaces. */
  readonly mask: Mask
  readonly signal: AbortSignal
  readonly threads: WorkerThreads
  now(): number
}

/** A run that has come to its end, however that was. */
export interface FileRun {
  readonly end: RunEnd
  /** The ended run, if streams were run. The caller must dispose of it. */
  readonly run?: EndedRun
}

/**
 * Runs the connection of a loaded file: check, discover, resolve the streams, run. Never throws: the end says
 * what happened.
 */
export async function runLoadedFile(
  file: LoadedRunFile,
  options: RunOptions,
  command: RunCommandContext,
): Promise<FileRun> {
  try {
    const source = new FileSource(file.source.config, command)
    await using idleSessions = new IdleSessions()
    const plan = await planRun(file, options, { ...command, source, idleSessions })
    if (plan === undefined) return { end: { kind: 'stopped', exitCode: exitCodes.stopped } }
    const run = await runPlan(plan, options, {
      ...command,
      source,
      idleSessions,
    })
    const { result } = run
    return { end: { kind: 'result', result, exitCode: exitCodeOf(result.status) }, run }
  } catch (error) {
    // Before the streams. It would have been tried again if the user had not stopped the run.
    if (command.signal.aborted && ConnectError.from(error).retryable)
      return { end: { kind: 'stopped', exitCode: exitCodes.stopped } }
    return { end: commandFailure(error) }
  }
}

/**
 * The configuration of the run file, with the changes of the source: the run continues with the one of the
 * check.
 */
class FileSource {
  readonly #fileConfig: JsonObject
  readonly #context: RunCommandContext
  #config: JsonObject

  constructor(config: JsonObject, context: RunCommandContext) {
    this.#fileConfig = config
    this.#config = config
    this.#context = context
  }

  get config(): JsonObject {
    return this.#config
  }

  readonly changed = (config: JsonObject): void => {
    const { mask, output } = this.#context
    if (this.#config === this.#fileConfig)
      output.note(
        'note: the source replaced a token of its configuration, which a run file cannot store: authorize it again before the next run',
      )
    mask.add(newTexts(config, this.#fileConfig))
    this.#config = config
  }

  readonly secretFound = (text: string): void => {
    this.#context.mask.addPassing(text)
  }
}

interface RunContext extends RunCommandContext {
  readonly source: FileSource
  /** The source is checked, asked for its streams and planned in one session. */
  readonly idleSessions: IdleSessions<IdleSession>
}

async function planRun(
  file: LoadedRunFile,
  options: RunOptions,
  command: RunContext,
): Promise<RunPlan | undefined> {
  const connector = await connectorOf(file.source.type)
  const context: ConnectorContext = {
    logger: command.logger,
    signal: command.signal,
    allowedNetworks: file.source.allowedNetworks,
    configChanged: command.source.changed,
    secretFound: command.source.secretFound,
    now: () => command.now(),
    idleSessions: command.idleSessions,
  }
  const catalog = await unlessStopped(
    () =>
      retryStart(context, () => askSource(connector, file, { context, source: command.source })),
    command.signal,
  )
  if (catalog === undefined) return undefined
  const { streams, problems, notes } = resolveStreams(catalog, file.content)
  if (problems.length > 0) throw problemsError(problems, file.place)
  for (const note of notes) command.output.note(`note: ${note}`)
  const plan = runPlanOf(file, { streams, log: options.log })
  return {
    ...plan,
    ...(file.content.streams === 'all' && { shown: catalog.streams.map(streamIdOf) }),
    source: { ...plan.source, config: command.source.config },
  }
}

async function askSource(
  connector: Connector,
  file: LoadedRunFile,
  { context, source }: { readonly context: ConnectorContext; readonly source: FileSource },
): ReturnType<Connector['discover']> {
  const checking = connector.check(source.config, context)
  preloadDestination(file.destination)
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

async function runPlan(plan: RunPlan, options: RunOptions, command: RunContext): Promise<EndedRun> {
  const { output, logger, signal, source, threads, idleSessions } = command
  await using server =
    options.metricsPort === undefined ? undefined : await listenForMetrics(options.metricsPort)
  if (server !== undefined) output.note(`metrics: ${server.url}`)
  const ports = {
    logger,
    metrics: server?.metrics ?? unreadMetrics,
    threads,
    now: () => command.now(),
    onProgress: output.progress.bind(output),
    onConfigChanged: source.changed,
    onSecretFound: source.secretFound,
    idleSessions,
  }
  return await runConnection(plan, ports, signal)
}

/**
 * Loaded only if metrics were asked for: Node's HTTP server loads its client for fetch as well, and the
 * Prometheus client takes 50 ms of CPU.
 */
async function listenForMetrics(port: number): Promise<MetricsServer> {
  const { MetricsServer } = await import('./metrics-server.ts')
  return MetricsServer.listen(port)
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
