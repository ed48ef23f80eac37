import type { Logger } from 'pino'
import type { RunMetrics } from '../../engine/metrics/run-metrics.ts'
import type { WorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { Jobs, RunQueue } from '../platform/jobs/jobs.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { RunStore } from '../runs/contract.ts'
import type { DriftStore } from '../connections/drift/contract.ts'
import type { EventTargets } from '../connections/topic-users.ts'
import type { MigrationWatch } from '../platform/database/migration-watch.ts'
import type { SchemaStore } from '../schemas/contract.ts'
import type { PlanDependencies } from './plan-run.ts'
import { standardRetries, type RetryPolicy } from './retry-policy.ts'
import type { ServiceMetrics } from './service-metrics.ts'

export interface RunWorkerOptions {
  readonly store: {
    readonly connections: ConnectionStore
    readonly runs: RunStore
    readonly drift: DriftStore
    readonly receivers: EventTargets
    readonly schemas: SchemaStore
    readonly migrationWatch: Pick<MigrationWatch, 'newer' | 'look'>
  }
  readonly queue: RunQueue
  readonly jobs: Pick<Jobs, 'submit'>
  readonly instances: Pick<
    InstanceService,
    'discover' | 'resolveConfig' | 'keepConfig' | 'changeConfig' | 'noteAuthorizationLost'
  >
  readonly places: PlanDependencies
  readonly threads: WorkerThreads
  readonly metrics: RunMetrics
  readonly serviceMetrics: ServiceMetrics
  readonly logger: Logger
  /** A name that no other process has, and no earlier start of this one. */
  readonly owner: string
  readonly parallelRuns: number
  /**
   * No other process executes runs of this database: runs that are running when it starts are orphans, and
   * are taken at once.
   */
  readonly isAlone: boolean
  readonly timing?: Partial<RunTiming>
  now(): number
}

export interface RunTiming {
  readonly beatMs: number
  /** A run without a heartbeat for this long is taken from its owner. */
  readonly staleMs: number
  readonly retries: RetryPolicy
  /** A run that a process leaves to a newer version goes back into the queue for this long. */
  readonly leaveMs: number
  /** After this long without a process of the newer version, it fails. */
  readonly leftForMs: number
}

/**
 * Eight heartbeats may fail in a row before a run is taken away; it is found again well within 30 seconds.
 */
export const standardTiming: RunTiming = {
  beatMs: 2_000,
  staleMs: 15_000,
  retries: standardRetries,
  leaveMs: 2_000,
  leftForMs: 600_000,
}
