import type { Logger } from 'pino'
import type { SandboxEngine } from '../../engine/sandbox/sandbox-report.ts'
import type { PlanPlaces } from '../runs/plan-run.ts'
import type { InstanceService } from '../contract/instances.ts'
import type { Store } from '../store/store.ts'

/** What sandboxes work with. */
export interface SandboxPlaces {
  readonly store: Pick<Store, 'connections' | 'sandboxes' | 'exclusively'>
  readonly instances: Pick<
    InstanceService,
    'get' | 'discover' | 'resolveConfig' | 'keepConfig' | 'changeConfig'
  >
  readonly places: PlanPlaces
  readonly engine: SandboxEngine
  readonly logger: Logger
  /** How long a sandbox and its token are good for. */
  readonly lifetimeMs: number
  now(): number
}

/** A sandbox that has not ended by then is given up: below what a request may take. */
export const sandboxTimeoutMs = 100_000

/** Reading ends after this; what was read until then is what the report is about. */
export const readTimeoutMs = 60_000

/** How often a sandbox that runs says so, and after what silence it is taken for dead. */
export const beatMs = 5_000
export const staleMs = 30_000
