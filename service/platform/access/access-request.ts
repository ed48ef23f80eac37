import type { ActionName, ResourceKind } from './actions.ts'
import type { Principal } from './principal.ts'

/** What something is done to. */
export interface AccessResource {
  readonly kind: ResourceKind
  /** Of the instance or connection; empty if it is not known, or there is none. */
  readonly name: string
  /** What is known of the thing beside its name; absent if it is not looked up, or does not exist. */
  readonly facts?: ResourceFacts
}

export interface ResourceFacts {
  /** Connector type of an instance. */
  readonly type?: string
  /** The instance that a connection reads. */
  readonly instance?: string
}

/** How an action of a connector is invoked. */
export interface InvokeContext {
  /** Nothing is written: it only shows what would be. */
  readonly dryRun: boolean
  /** It carries out what a dry-run of the same principal has shown. */
  readonly planned: boolean
}

export interface AccessRequest {
  readonly principal: Principal
  readonly action: ActionName
  readonly resource: AccessResource
  /** Of `actions:invoke` only; if it is left out: neither. */
  readonly invoke?: InvokeContext
}

/** A thing as a list shows it: what decides whether it does. */
export interface ListedResource {
  readonly name: string
  /** Of an instance. */
  readonly type?: string
  /** The instance that a connection reads. */
  readonly from?: string
}

/** A run that is asked for by its id alone. */
export interface RunById {
  readonly run: string
}

/** What policies may want to know of a thing that a request names. Null if it does not exist. */
export interface ResourceLookup {
  instance(name: string): Promise<{ readonly type: string } | null>
  connection(name: string): Promise<{ readonly instance: string } | null>
  connectionOfRun(id: string): Promise<{ readonly name: string; readonly instance: string } | null>
}
