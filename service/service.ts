import type { ActionService } from './actions/contract.ts'
import type { ApiKeyService } from './api-keys/contract.ts'
import type { CatalogService } from './catalog/contract.ts'
import type { ComparisonService } from './comparisons/contract.ts'
import type { ConnectionService } from './connections/contract.ts'
import type { InstanceService } from './instances/contract.ts'
import type { LoginService } from './logins/contract.ts'
import type { RejectService } from './rejects/contract.ts'
import type { RunService } from './runs/contract.ts'
import type { SandboxService } from './sandboxes/contract.ts'
import type { SchemaService } from './schemas/contract.ts'
import type { ReceiverService } from './webhooks/receivers/contract.ts'
import type { UserService } from './users/contract.ts'
import type { DeliveryStore } from './webhooks/deliveries/contract.ts'
import type { IngressService } from './webhooks/ingress/contract.ts'

/**
 * The control plane without HTTP: read this first. The routes, the jobs and the tests call it. Every method
 * throws a ConnectError; a result that it returned is durable.
 */
export interface Service {
  readonly catalog: CatalogService
  readonly instances: InstanceService
  readonly actions: ActionService
  readonly connections: ConnectionService
  readonly runs: RunService
  readonly schemas: SchemaService
  readonly sandboxes: SandboxService
  readonly comparisons: ComparisonService
  readonly rejects: RejectService
  readonly receivers: ReceiverService
  readonly deliveries: DeliveryStore
  readonly ingress: IngressService
  readonly apiKeys: ApiKeyService
  readonly users: UserService
  readonly logins: LoginService
  readonly health: HealthService
}

export interface HealthService {
  /** True while the process should not be restarted. */
  live(): boolean
  report(): Promise<HealthReport>
}

export interface HealthReport {
  /** Why it cannot serve; empty: ready. */
  readonly problems: readonly string[]
  /** Problems that do not keep requests from being served. */
  readonly warnings: readonly string[]
  readonly parts: readonly PartHealth[]
}

export interface PartHealth {
  readonly part: 'metadata_database' | 'vault' | 'kafka' | 'jobs' | 'data'
  /** Undefined: it can be used. */
  readonly problem: string | undefined
}
