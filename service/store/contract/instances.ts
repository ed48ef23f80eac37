import type { AirbyteCatalog, JsonObject } from '../../../protocol/index.ts'
import type { CredentialStatus, Instance } from '../../contract/instances.ts'
import type { Page, PageRequest, ShownOnly } from '../../contract/lists.ts'

export interface InstanceStore {
  /** Throws `name_taken`. */
  create(input: NewInstance): Promise<Instance>
  /** Throws `instance_not_found`. */
  get(name: string): Promise<Instance>
  /** By name, ascending. */
  list(page: PageRequest & ShownOnly & { readonly type?: string }): Promise<Page<Instance>>
  /**
   * Changes what is given, and increases the version. A change of `config` forgets the discovery.
   * Throws `instance_not_found`, `version_conflict`.
   */
  update(name: string, change: InstanceChange, ifVersion?: number): Promise<Instance>
  /** Throws `instance_not_found`, `version_conflict`, `instance_in_use` where connections read it. */
  delete(name: string, ifVersion?: number): Promise<Instance>
}

export interface NewInstance {
  readonly name: string
  readonly type: string
  /** Without its secrets. */
  readonly config: JsonObject
  /** JSON pointers of the secret fields that are set. */
  readonly secrets: readonly string[]
  readonly credentials: CredentialStatus
}

export type InstanceChange = Partial<Omit<NewInstance, 'name' | 'type'>>

/** The last discovery of each instance. */
export interface DiscoveryStore {
  /** Null where there is none. The caller decides whether it is too old. */
  get(instanceId: string): Promise<Discovery | null>
  /** Kept only while the instance still has the version that was discovered: a change in the meantime makes it worthless. */
  put(instanceId: string, instanceVersion: number, catalog: AirbyteCatalog): Promise<Discovery>
}

export interface Discovery {
  readonly catalog: AirbyteCatalog
  readonly discoveredAt: string
}
