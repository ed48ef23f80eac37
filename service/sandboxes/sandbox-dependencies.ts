import type { Logger } from 'pino'
import type { WorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { PlanDependencies } from '../run-worker/plan-run.ts'
import type { AddressOf } from '../connections/destination-address.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { ExclusiveWork, Locks } from '../platform/database/locks.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { SandboxStore } from './contract.ts'
import type { DriftStore } from '../connections/drift/contract.ts'
import type { EventTargets } from '../connections/topic-users.ts'

/** The dependencies of sandboxes. */
export interface SandboxDependencies {
  readonly store: ExclusiveWork & {
    readonly connections: ConnectionStore
    readonly sandboxes: SandboxStore
    readonly drift: DriftStore
    readonly receivers: EventTargets
    isHeld: Locks['isHeld']
  }
  readonly instances: Pick<
    InstanceService,
    'get' | 'discover' | 'resolveConfig' | 'keepConfig' | 'changeConfig'
  >
  readonly places: PlanDependencies & {
    /** For what earlier sandboxes have left there. */
    readonly addressOf: AddressOf
  }
  readonly threads: WorkerThreads
  readonly logger: Logger
  /** How long a sandbox and its token are valid. */
  readonly lifetimeMs: number
  now(): number
}

/** A sandbox that has not ended by then is stopped: below the limit of a request. */
export const sandboxTimeoutMs = 100_000

/** Reading ends after this time; the report is about the records that were read until then. */
export const readTimeoutMs = 60_000

/**
 * The same if the connection ignores schema changes, so that its streams are read twice: as they are now, and
 * as they were approved.
 */
export const halfReadTimeoutMs = 30_000

/** Held while the sandbox is running, so that the death of its process is noticed within moments. */
export function sandboxLock(id: string): string {
  return `sandbox ${id}`
}

/** How often a running sandbox sends a heartbeat, and after how long without one it is considered dead. */
export const beatMs = 5_000
export const staleMs = 30_000
