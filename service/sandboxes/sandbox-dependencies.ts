import type { Logger } from 'pino'
import type { WorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { PlanDependencies } from '../run-worker/plan-run.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { ExclusiveWork, Locks } from '../platform/database/locks.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { SandboxStore } from './contract.ts'
import type { DriftStore } from '../connections/drift/contract.ts'

/** What sandboxes work with. */
export interface SandboxDependencies {
  readonly store: ExclusiveWork & {
    readonly connections: ConnectionStore
    readonly sandboxes: SandboxStore
    readonly drift: DriftStore
    isHeld: Locks['isHeld']
  }
  readonly instances: Pick<
    InstanceService,
    'get' | 'discover' | 'resolveConfig' | 'keepConfig' | 'changeConfig'
  >
  readonly places: PlanDependencies
  readonly threads: WorkerThreads
  readonly logger: Logger
  /** How long a sandbox and its token are good for. */
  readonly lifetimeMs: number
  now(): number
}

/** A sandbox that has not ended by then is given up: below what a request may take. */
export const sandboxTimeoutMs = 100_000

/** Reading ends after this; what was read until then is what the report is about. */
export const readTimeoutMs = 60_000

/** The same where the connection ignores changes of the schema, so that its streams are read twice: as they are, and as they were. */
export const halfReadTimeoutMs = 30_000

/** Held as long as the sandbox is worked on: that a killed process lets go of it is known within moments. */
export function sandboxLock(id: string): string {
  return `sandbox ${id}`
}

/** How often a sandbox that runs says so, and after what silence it is taken for dead. */
export const beatMs = 5_000
export const staleMs = 30_000
