import type { Logger } from 'pino'
import type { JsonObject } from '../protocol/index.ts'
import type { ChangeConfig, ConnectorContext } from '../connectors/connector.ts'
import type { RunMetrics } from './metrics/run-metrics.ts'
import type { PlannedStream, RunProgress, StreamResult } from './run-types.ts'
import type { WorkerThreads } from './threads/worker-threads.ts'

/** The engine's dependencies. It knows nothing about HTTP, Vault or the environment. */
export interface RunPorts {
  readonly logger: Logger
  readonly metrics: RunMetrics
  /** All runs of the process share them. */
  readonly threads: WorkerThreads
  /** Epoch milliseconds. */
  now(): number
  /** Called a few times a second while a run goes on, and once at its end. Must not throw. */
  onProgress(progress: RunProgress): void
  /**
   * A stream has ended, while others may continue. Called before a progress that includes it. Must not throw.
   */
  onStreamEnded?(result: StreamResult): void
  /**
   * The source changed its configuration (a single-use token): the next run needs it. Holds secrets. Must not
   * throw.
   */
  onConfigChanged?(config: JsonObject): void
  /**
   * The source has a secret that is not in its configuration (an access token): it must never be shown. Must
   * not throw.
   */
  onSecretFound?(text: string): void
  /**
   * Changes the part of the source's configuration that several runs, in any process, share. Absent: no other
   * run shares it.
   */
  readonly changeConfig?: ChangeConfig
  /**
   * Discovers the streams of the source again, and plans them as those of the run were. For a continuous run:
   * a stream whose table has changed goes on with its columns of then, and new streams join. Absent: a run
   * has the streams that it began with.
   */
  readonly replan?: () => Promise<readonly PlannedStream[]>
  /**
   * The sessions that were used to query the source before the run, for reuse. Their owner closes them after
   * the run.
   */
  readonly idleSessions?: ConnectorContext['idleSessions']
}
