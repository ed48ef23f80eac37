import { setImmediate } from 'node:timers/promises'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { CatalogEntryDocument } from './schema.ts'
import type { CatalogService } from './contract.ts'
import { catalogEntry, readCatalog, type CatalogEntry } from './read-catalog.ts'

/** A connector as instances name it, and as the engine finds it. */
export interface CatalogConnector {
  /** What `connectorOf` finds it by, on any thread. */
  readonly connectorType: string
  readonly descriptor: ConnectorDescriptor
}

/** The native connectors, the manifests that come with the program, and those that were imported into a folder. */
export class FolderCatalogService implements CatalogService {
  readonly #folder: string

  /** @param folder where imported manifests are; it is read again each time, and need not exist */
  constructor(folder: string) {
    this.#folder = folder
  }

  async list(): Promise<readonly CatalogEntryDocument[]> {
    const listed: CatalogEntryDocument[] = []
    for (const entry of readCatalog(this.#folder).values()) {
      listed.push({ type: entry.name, title: titleOf(entry), kind: entry.kind })
      // A manifest that was not loaded before takes about 15 ms (2026-11): others get their turn.
      await setImmediate()
    }
    return listed
  }

  get(type: string): Promise<ConnectorDescriptor> {
    return Promise.resolve().then(() => this.connector(type).descriptor)
  }

  /** Throws `unknown_connector`, and `manifest_invalid` or `manifest_unreadable` for a manifest that can no longer be loaded. */
  connector(type: string): CatalogConnector {
    return toConnector(catalogEntry(this.#folder, type))
  }
}

function toConnector({ name, connectorType, manifest }: CatalogEntry): CatalogConnector {
  const { descriptor } = connectorOf(connectorType)
  if (manifest === undefined) return { connectorType, descriptor }
  const { title } = descriptor.spec
  const named = { type: name, title: typeof title === 'string' ? title : name }
  return { connectorType, descriptor: { ...descriptor, ...named } }
}

/** A connector that can no longer be loaded is still listed. */
function titleOf(entry: CatalogEntry): string {
  try {
    return toConnector(entry).descriptor.title
  } catch (error) {
    if (error instanceof ConnectError) return entry.name
    throw error
  }
}
