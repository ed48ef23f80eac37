import { pino } from 'pino'
import { Registry } from 'prom-client'
import { inject } from 'vitest'
import { connectorOf } from '../../connectors/registry.ts'
import { createRunMetrics } from '../../engine/metrics/registered-metrics.ts'
import { runConnection } from '../../engine/run/run-connection.ts'
import {
  defaultLimits,
  type EndedRun,
  type FunctionsService,
  type LogConfig,
  type PlannedStream,
  type RunLimits,
  type RunPlan,
  type RunProgress,
  type RunResult,
  type SourceConfig,
  type StreamResult,
  type TablePlan,
} from '../../engine/run-types.ts'
import { openWorkerThreads, type WorkerThreads } from '../../engine/threads/worker-threads.ts'
import { sourceDefinitions } from '../../plan/streams/source-definitions.ts'
import { columnsOf, type AirbyteStream, type DefinitionGroup } from '../../protocol/index.ts'
import type { Metadata, SyncMode } from '../../sinks/sink.ts'
import type { PostgresAddress } from './postgres.ts'
import { silent } from './logger.ts'
import { neverAborted } from './signal.ts'

export type LogName = 'embedded' | 'kafka block' | 'kafka record'

export function logConfig(name: LogName): LogConfig {
  if (name === 'embedded') return { kind: 'embedded' }
  const framing = name === 'kafka record' ? 'record' : 'block'
  return { kind: 'kafka', brokers: inject('kafkaBrokers'), framing, ssl: false }
}

export interface PlanOptions {
  readonly connection: string
  readonly source: SourceConfig
  readonly destination: PostgresAddress
  readonly schema: string
  readonly log: LogConfig
  readonly mode: SyncMode
  readonly syncMode?: 'full_refresh' | 'incremental'
  readonly cursor?: string
  /** The fields of the primary key; default: those that the source defines. */
  readonly key?: readonly string[]
  readonly streams?: readonly string[]
  readonly metadata?: Metadata
  /** Default: `portable`, the types that every source gets. Tests of the types of the source set it. */
  readonly types?: 'source' | 'portable'
  /** Definitions of the source's tables that the tables get too. */
  readonly with?: readonly DefinitionGroup[]
  readonly limits?: Partial<RunLimits>
  /** All streams go through this function of the service. */
  readonly transform?: { readonly name: string; readonly service: FunctionsService }
  /** Returns the options that differ for a stream: one run then shows several modes. */
  readonly ofStream?: (name: string) => Partial<Pick<PlanOptions, 'mode' | 'syncMode' | 'cursor'>>
}

/** Discovers the source and makes the plan that a run file with these options would make. */
export async function planRun(options: PlanOptions): Promise<TablePlan> {
  const context = {
    logger: silent,
    signal: neverAborted(),
    allowedNetworks: options.source.allowedNetworks ?? [],
    now: Date.now,
  }
  const { streams } = await (
    await connectorOf(options.source.type)
  ).discover(options.source.config, context)
  const wanted = streams.filter(({ name }) => options.streams?.includes(name) ?? true)
  return {
    ...(options.transform !== undefined && { functions: options.transform.service }),
    connection: options.connection,
    source: options.source,
    destination: { type: 'postgres', address: options.destination, schema: options.schema },
    log: options.log,
    limits: { ...defaultLimits(options.log.kind), ...options.limits },
    streams: wanted.map((stream) =>
      sinkStream({ ...options, ...options.ofStream?.(stream.name) }, stream),
    ),
  }
}

function sinkStream(options: PlanOptions, stream: AirbyteStream): PlannedStream {
  const { connection, mode, cursor, key } = options
  const primaryKey = key?.map((field) => [field]) ?? stream.source_defined_primary_key
  const destination_sync_mode =
    mode === 'append' || mode === 'overwrite' ? mode : ('append_dedup' as const)
  return {
    connection,
    stream: {
      stream,
      sync_mode: options.syncMode ?? 'full_refresh',
      destination_sync_mode,
      ...(primaryKey && { primary_key: primaryKey }),
      ...(cursor !== undefined && { cursor_field: [cursor] }),
    },
    columns: columnsOf(stream.json_schema),
    mode,
    metadata: options.metadata ?? 'full',
    ...((options.types ?? 'portable') === 'portable' && { types: 'portable' as const }),
    deletes: 'hard',
    ...sourceDefinitions(stream, options.with, { rules: undefined, isTransformed: false }),
    ...(options.transform !== undefined && { transform: options.transform.name }),
  }
}

export interface EngineRun {
  readonly result: RunResult
  readonly progress: readonly RunProgress[]
  /** The streams in the order in which they ended, reported while others went on. */
  readonly ended: readonly StreamResult[]
  readonly metrics: string
  /** The log lines of the run that are warnings or worse. */
  readonly log: readonly unknown[]
}

let shared: WorkerThreads | undefined

/** The threads of all runs in this process, which end with it. */
export function sharedThreads(): WorkerThreads {
  shared ??= openWorkerThreads({ lanes: 4, idleMs: 60_000, logger: silent })
  return shared
}

/** Runs the plan in this process. */
export async function runPlan(
  plan: RunPlan,
  signal = neverAborted(),
  onProgress: (report: RunProgress) => void = () => undefined,
): Promise<EngineRun> {
  return runPlanIn(sharedThreads(), plan, { signal, onProgress })
}

export async function runPlanIn(
  threads: WorkerThreads,
  plan: RunPlan,
  {
    signal = neverAborted(),
    onProgress = () => undefined,
    isReported = true,
    replan,
    tell = (run) => run.confirmReported(),
  }: {
    readonly signal?: AbortSignal
    readonly onProgress?: (report: RunProgress) => void
    /** False: as if the process were killed before it could print the result. */
    readonly isReported?: boolean
    readonly replan?: () => Promise<readonly PlannedStream[]>
    /** Called when the result is there. Default: the result is reported. */
    readonly tell?: (run: EndedRun) => Promise<void>
  } = {},
): Promise<EngineRun> {
  const registry = new Registry()
  const progress: RunProgress[] = []
  const ended: StreamResult[] = []
  const log: unknown[] = []
  const write = (line: string): void => {
    log.push(JSON.parse(line))
  }
  const ports = {
    logger: pino({ level: 'warn' }, { write }),
    threads,
    metrics: createRunMetrics(registry),
    now: Date.now,
    onProgress: (report: RunProgress) => {
      progress.push(report)
      onProgress(report)
    },
    onStreamEnded: (stream: StreamResult) => {
      ended.push(stream)
    },
    ...(replan && { replan }),
  }
  await using run = await runConnection(plan, ports, signal)
  if (isReported) await tell(run)
  return { result: run.result, progress, ended, metrics: await registry.metrics(), log }
}
