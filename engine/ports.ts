import type { Logger } from 'pino'
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
}
