import type {
  AirbyteCatalog,
  AirbyteConnectionStatus,
  ConnectError,
  JsonObject,
} from '../../protocol/index.ts'
import type { ConfigChange, ResolvedConfig } from '../execution/resolved-config.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import type { CredentialStatus, Discovered, Instance, InstanceSummary } from './schema.ts'

export interface InstanceService {
  /**
   * `config` may hold secrets: they go to the vault. Throws `name_taken`, `unknown_connector`,
   * `instance_config_invalid`.
   */
  create(input: { name: string; type: string; config: JsonObject }): Promise<Instance>
  /** Throws `instance_not_found`. */
  get(name: string): Promise<Instance>
  list(page: PageRequest & ShownOnly & { readonly type?: string }): Promise<Page<InstanceSummary>>
  /**
   * Replaces the configuration; omitted secrets stay. Throws `version_conflict` if `ifVersion` is not the
   * version, `secrets_needed_again` if they would go to another server.
   */
  update(name: string, input: { config: JsonObject }, ifVersion?: number): Promise<Instance>
  /**
   * Throws `instance_in_use` if connections use it, with the names of those that are `shown`. Its secrets are
   * deleted.
   */
  delete(name: string, options?: ShownOnly & { readonly ifVersion?: number }): Promise<void>
  /**
   * Sets secrets (an object with the spec's secret fields). Those that the vault cannot read are replaced if
   * all are given, else it throws `credentials_incomplete`.
   */
  setCredentials(name: string, secrets: JsonObject): Promise<Instance>
  /**
   * Starts OAuth in the browser: returns where to send the user. `redirectUri`: where the browser returns to
   * (a CLI's loopback address); default: the service's own callback.
   */
  beginAuthorization(
    name: string,
    redirectUri?: string,
  ): Promise<{ authorizeUrl: string; state: string }>
  /** Whether an authorization with this state was started and waits for the browser. Writes nothing. */
  isAuthorizationPending(state: string): Promise<boolean>
  /** Completes it with the parameters that the browser brought back. */
  completeAuthorization(callback: {
    state: string
    code?: string
    error?: string
    iss?: string
  }): Promise<Instance>
  /**
   * FAILED with a message that says what to do, also if credentials are missing. Throws `source_timed_out`.
   */
  check(name: string): Promise<AirbyteConnectionStatus>
  /**
   * Cached for an hour. Throws what `resolveConfig` throws, `source_timed_out`, and what the connector says.
   */
  discover(name: string, options: { readonly refresh: boolean }): Promise<Discovered>
  /**
   * The configuration with its secrets, for a run in this process; expired tokens are refreshed. Never leaves
   * the process. Throws `credentials_missing`, `reauthorization_required`, `oauth_refresh_failed`.
   */
  resolveConfig(name: string): Promise<ResolvedConfig>
  /**
   * The configuration as it is stored, whether or not all secrets are there: nothing is refreshed, noted or
   * sent. Never leaves the process.
   */
  peekConfig(
    name: string,
  ): Promise<{ readonly source: ResolvedConfig; readonly credentials: CredentialStatus }>
  /**
   * Stores the changes that a connector made to the configuration that `resolveConfig` returned (`resolved`):
   * secrets in the vault, the rest in the store. Fields that it did not change retain their present value:
   * another request may have changed them in the meantime.
   */
  keepConfig(name: string, config: JsonObject, resolved: JsonObject): Promise<void>
  /**
   * Changes tokens that all readers of the instance share, in any process, while no other reader changes
   * them: for single-use refresh tokens. `resolved`: the result of `resolveConfig` that the reader has;
   * `change` gets it with the present secrets. Resolves with the new configuration, once it is durable in the
   * vault; rejects with what `change` threw.
   */
  changeConfig(name: string, resolved: JsonObject, change: ConfigChange): Promise<JsonObject>
  /**
   * The vendor no longer accepts the authorization in `config`: notes `reauthorize`, unless other secrets
   * have been set in the meantime, and returns the error to show (`reauthorization_required`).
   */
  noteAuthorizationLost(
    name: string,
    lost: { readonly config: JsonObject; readonly reason: string },
  ): Promise<ConnectError>
}

/** Names of instances whose secrets were stored, and which the vault does not have now, or cannot read. */
export interface LostSecrets {
  readonly lost: readonly string[]
  readonly damaged: readonly string[]
}

export interface InstanceStore {
  /** Throws `name_taken`. */
  create(input: NewInstance): Promise<Instance>
  /** Throws `instance_not_found`. */
  get(name: string): Promise<Instance>
  /** By name, ascending. */
  list(page: PageRequest & ShownOnly & { readonly type?: string }): Promise<Page<InstanceSummary>>
  /**
   * Changes the given fields, and increases the version. A change of `config` deletes the discovery. Throws
   * `instance_not_found`, `version_conflict`.
   */
  update(name: string, change: InstanceChange, ifVersion?: number): Promise<Instance>
  /** Throws `instance_not_found`, `version_conflict`, `instance_in_use` if connections read it. */
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
  /** Null if there is none. The caller decides whether it is too old. */
  get(instanceId: string): Promise<Discovery | null>
  /**
   * Stored only if the instance still has the version that was discovered: a change in the meantime makes it
   * worthless.
   */
  put(instanceId: string, instanceVersion: number, catalog: AirbyteCatalog): Promise<Discovery>
}

export interface Discovery {
  readonly catalog: AirbyteCatalog
  readonly discoveredAt: string
}
