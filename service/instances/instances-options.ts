import type { Logger } from 'pino'
import type { SourceThreads } from '../../engine/threads/source-threads.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { OAuth } from '../oauth/oauth.ts'
import type { Store } from '../store/store.ts'
import type { Vault } from '../vault/vault.ts'

export interface InstancesOptions {
  readonly store: Store
  readonly vault: Vault
  readonly oauth: OAuth
  readonly catalog: Catalog
  readonly sources: SourceThreads
  readonly allowedNetworks: readonly string[]
  /** Folders whose Unix sockets instances may reach. */
  readonly allowedSockets: readonly string[]
  /** Where browsers come back to. */
  readonly callbackUrl: string
  readonly logger: Logger
  readonly now?: () => number
}
