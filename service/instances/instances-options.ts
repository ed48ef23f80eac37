import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import type { Logger } from 'pino'
import type { SourceThreads } from '../../engine/threads/source-threads.ts'
import type { FolderCatalogService } from '../catalog/catalog-service.ts'
import type { OAuth } from '../oauth/oauth.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { DiscoveryStore, InstanceStore } from './contract.ts'
import type { AuthorizationStore } from '../oauth/contract.ts'
import type { Vault } from '../platform/vault/vault.ts'

export interface InstancesOptions {
  readonly store: ExclusiveWork & {
    readonly instances: InstanceStore
    readonly discoveries: DiscoveryStore
    readonly authorizations: AuthorizationStore
    /** The receivers of its webhooks. */
    readonly receivers: {
      list(page: PageRequest & { readonly instance: string }): Promise<Page<unknown>>
    }
    /** The connections that read an instance. */
    readonly connections: {
      list(
        page: PageRequest &
          ShownOnly &
          ({ readonly instance: string } | { readonly destination: string }),
      ): Promise<Page<{ readonly name: string }>>
    }
  }
  readonly vault: Vault
  readonly oauth: OAuth
  readonly catalog: FolderCatalogService
  readonly sources: SourceThreads
  readonly allowedNetworks: readonly string[]
  /** Folders that instances may read, with those below them. */
  readonly allowedFolders: readonly string[]
  /** Folders whose Unix sockets instances may reach. */
  readonly allowedSockets: readonly string[]
  /** The address that browsers return to. */
  readonly callbackUrl: string
  readonly logger: Logger
  readonly now?: () => number
}
