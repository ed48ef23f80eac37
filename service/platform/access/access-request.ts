import type { ActionName, ResourceKind } from './actions.ts'
import type { Principal } from './principal.ts'

/** The resource that an action concerns. */
export interface AccessResource {
  readonly kind: ResourceKind
  /** Name of the instance or connection; empty if it is not known, or there is none. */
  readonly name: string
  /** Facts about the resource beside its name; absent if it is not looked up, or does not exist. */
  readonly facts?: ResourceFacts
}

export interface ResourceFacts {
  /** Connector type of an instance. */
  readonly type?: string
  /** The instance that a connection reads. */
  readonly instance?: string
}

/** Which action of a connector is invoked, and how. */
export interface InvokeContext {
  /** The name of the action; empty if there is no such action. */
  readonly name: string
  /** `read`, `create`, `update` or `delete`; empty if there is no such action. */
  readonly effect: string
  /** Nothing is written: it only shows what would be. */
  readonly dryRun: boolean
  /**
   * It has the token of a dry-run: if that is not one of the same principal and input, nothing is executed.
   */
  readonly planned: boolean
}

export interface AccessRequest {
  readonly principal: Principal
  readonly action: ActionName
  readonly resource: AccessResource
  /** Only for `actions:invoke`. Default: no action, and neither a dry-run nor planned. */
  readonly invoke?: InvokeContext
}

/** An item of a list: the facts that decide whether it is shown. */
export interface ListedResource {
  readonly name: string
  /** The connector type of an instance. */
  readonly type?: string
  /** The instance that a connection reads. */
  readonly from?: string
}

/** A run that is requested by its id alone. */
export interface RunById {
  readonly run: string
}

/** The facts that policies may use about the resource of a request. Null if it does not exist. */
export interface ResourceLookup {
  instance(name: string): Promise<{ readonly type: string } | null>
  connection(name: string): Promise<{ readonly instance: string } | null>
  connectionOfRun(id: string): Promise<{ readonly name: string; readonly instance: string } | null>
}
