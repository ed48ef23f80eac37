import type { ActionName, ResourceKind } from './actions.ts'
import type { Principal } from './principal.ts'

/** What something is done to. */
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

/** How an action of a connector would be invoked. */
export interface InvokeContext {
  /** Nothing is written: it only shows the effect. */
  readonly dryRun: boolean
  /** It executes what a dry-run of the same principal has shown. */
  readonly planned: boolean
}

export interface AccessRequest {
  readonly principal: Principal
  readonly action: ActionName
  readonly resource: AccessResource
  /** Only for `actions:invoke`; default: neither. */
  readonly invoke?: InvokeContext
}

/** An item of a list: the facts that decide whether it is shown. */
export interface ListedResource {
  readonly name: string
  /** Of an instance. */
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
