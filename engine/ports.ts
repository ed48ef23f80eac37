import type { Logger } from 'pino'
import type { JsonObject } from '../protocol/index.ts'
import type { ChangeConfig } from '../connectors/connector.ts'
import type { RunMetrics } from './metrics/run-metrics.ts'
import type { RunProgress, StreamResult } from './run-types.ts'
import type { WorkerThreads } from './threads/worker-threads.ts'

/** What the engine needs from outside. It knows nothing of HTTP, Vault or the environment. */
export interface RunPorts {
  readonly logger: Logger
  readonly metrics: RunMetrics
  /** Of the process: all runs share them. */
  readonly threads: WorkerThreads
  /** Epoch milliseconds. */
  now(): number
  /** Called a few times a second while a run goes on, and once at its end. Must not throw. */
  onProgress(progress: RunProgress): void
  /** A stream has ended, while others may go on. Called before a progress that says so. Must not throw. */
  onStreamEnded?(result: StreamResult): void
  /** The source changed its configuration (a single-use token): the next run needs it. Holds secrets. Must not throw. */
  onConfigChanged?(config: JsonObject): void
  /** The source has a secret that is not in its configuration (an access token): nothing may show it. Must not throw. */
  onSecretFound?(text: string): void
  /** The way to change what several runs, in any process, share of the source's configuration. Absent: this run is alone. */
  readonly changeConfig?: ChangeConfig
}
