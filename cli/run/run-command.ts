import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { connectorOf } from '../../connectors/registry.ts'
import type { Connector, ConnectorContext } from '../../connectors/connector.ts'
import { createRunMetrics } from '../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../engine/run.ts'
import type { RunPlan, RunResult } from '../../engine/run-types.ts'
import { ConnectError } from '../../protocol/index.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { problemsError } from '../run-file/file-problem.ts'
import type { LoadedRunFile } from '../run-file/load-run-file.ts'
import { resolveStreams } from '../../service/connections/resolve-streams.ts'
import { runPlanOf } from '../run-file/run-plan.ts'
import { errorEnd } from './error-end.ts'
import { MetricsServer } from './metrics-server.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

export interface RunOptions {
  readonly log: 'embedded' | 'kafka' | undefined
  readonly metricsPort: number | undefined
}

/** What a run needs from the command around it. */
export interface RunSurroundings {
  readonly output: RunOutput
  readonly logger: Logger
  readonly signal: AbortSignal
  now(): number
}

/** Runs the connection of a loaded file: check, discover, resolve the streams, run. Never throws: the end says what happened. */
export async function runLoadedFile(
  file: LoadedRunFile,
  options: RunOptions,
  around: RunSurroundings,
): Promise<RunEnd> {
  try {
    const plan = await planRun(file, options, around)
    if (plan === undefined) return { kind: 'stopped', exitCode: exitCodes.stopped }
    const result = await runPlan(plan, options, around)
    return { kind: 'result', result, exitCode: exitCodeOf(result.status) }
  } catch (error) {
    return errorEnd(error)
  }
}

async function planRun(
  file: LoadedRunFile,
  options: RunOptions,
  around: RunSurroundings,
): Promise<RunPlan | undefined> {
  const connector = connectorOf(file.source.type)
  const context: ConnectorContext = {
    logger: around.logger,
    signal: around.signal,
    allowedNetworks: file.source.allowedNetworks,
    now: () => around.now(),
  }
  const catalog = await unlessStopped(() => askSource(connector, file, context), around.signal)
  if (catalog === undefined) return undefined
  const { streams, problems, notes } = resolveStreams(catalog, file.content)
  if (problems.length > 0) throw problemsError(problems, file.place)
  for (const note of notes) around.output.note(`note: ${note}`)
  return runPlanOf(file, { streams, log: options.log })
}

async function askSource(
  connector: Connector,
  file: LoadedRunFile,
  context: ConnectorContext,
): ReturnType<Connector['discover']> {
  const { type, config } = file.source
  const status = await connector.check(config, context)
  if (status.status === 'FAILED') {
    const reason = status.message ?? 'the connector gave no reason'
    throw new ConnectError('source_check_failed', {
      details: { type, reason, file: file.place.file },
    })
  }
  return connector.discover(config, context)
}

async function runPlan(
  plan: RunPlan,
  options: RunOptions,
  around: RunSurroundings,
): Promise<RunResult> {
  const { output, logger, signal } = around
  const registry = new Registry()
  const metrics = createRunMetrics(registry)
  await using server =
    options.metricsPort === undefined
      ? undefined
      : await MetricsServer.listen(registry, options.metricsPort)
  if (server !== undefined) {
    collectDefaultMetrics({ register: registry })
    output.note(`metrics: ${server.url}`)
  }
  const ports = {
    logger,
    metrics,
    now: () => around.now(),
    onProgress: output.progress.bind(output),
    onConfigChanged: () => {
      output.note(
        'note: the source replaced a token of its configuration, which a run file cannot keep: authorize anew before the next run',
      )
    },
  }
  return await runConnection(plan, ports, signal)
}

/** Undefined as soon as the user stops: a source that does not answer must not hold the command. */
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
