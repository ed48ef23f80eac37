import type { Logger } from 'pino'
import type { JsonObject } from '../protocol/index.ts'
import type { RunMetrics } from './metrics/run-metrics.ts'
import type { RunProgress } from './run-types.ts'

/** What the engine needs from outside. It knows nothing of HTTP, Vault or the environment. */
export interface RunPorts {
  readonly logger: Logger
  readonly metrics: RunMetrics
  /** Epoch milliseconds. */
  now(): number
  /** Called a few times a second while a run goes on, and once at its end. Must not throw. */
  onProgress(progress: RunProgress): void
  /** The source changed its configuration (a single-use token): the next run needs it. Holds secrets. Must not throw. */
  onConfigChanged?(config: JsonObject): void
}
