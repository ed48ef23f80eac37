import { setImmediate } from 'node:timers/promises'
import type { Connector, ConnectorDescriptor } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import type { CatalogSummary, ConnectorDescription } from './schema.ts'
import type { CatalogService } from './contract.ts'
import { describeConnector, summarizeConnector, titleAndDocs } from './describe-connector.ts'
import { searchConnectors, type ConnectorSearch, type FindPublished } from './search-connectors.ts'
import {
  allowedEntry,
  catalogEntry,
  readCatalog,
  type CatalogEntry,
} from '../../connectors/catalog.ts'

/** A connector as instances name it, and as the engine finds it. */
export interface CatalogConnector {
  /** `connectorOf` finds the connector by this type, on any thread. */
  readonly connectorType: string
  readonly connector: Connector
  /** The connector's descriptor, under the name that the connector has in the catalog. */
  readonly descriptor: ConnectorDescriptor
}

/**
 * The native connectors, the manifests that come with the program, and those that were imported into a
 * folder.
 */
export class FolderCatalogService implements CatalogService {
  readonly #folder: string
  readonly #allowsProcesses: boolean
  readonly #findPublished: FindPublished

  /**
   * @param folder where imported manifests are; it is read again each time, and need not exist.
   * `findPublished`: the connectors that Airbyte publishes; default: none are searched.
   */
  constructor(
    folder: string,
    options: { readonly allowsProcesses?: boolean; readonly findPublished?: FindPublished } = {},
  ) {
    this.#folder = folder
    this.#allowsProcesses = options.allowsProcesses === true
    this.#findPublished = options.findPublished ?? (() => Promise.resolve([]))
  }

  async search(text: string): Promise<ConnectorSearch> {
    const findPublished = this.#findPublished
    return searchConnectors(text, { list: () => this.list(), findPublished })
  }

  async list(): Promise<readonly CatalogSummary[]> {
    const listed: CatalogSummary[] = []
    for (const entry of readCatalog(this.#folder).values()) {
      listed.push(await summarizeConnector(this.#shown(entry)))
      // A manifest that was not loaded before takes about 15 ms (2026-11): others get their turn.
      await setImmediate()
    }
    return listed
  }

  async get(type: string): Promise<ConnectorDescription> {
    return describeConnector(this.#shown(catalogEntry(this.#folder, type)))
  }

  /** One that is not allowed is shown too. */
  #shown(entry: CatalogEntry): CatalogEntry {
    return entry.isProcess === true ? entry : allowedEntry(entry, this.#allowsProcesses)
  }

  /**
   * Throws `unknown_connector`, `manifest_invalid` or `manifest_unreadable` for a manifest that can no longer
   * be loaded, and `airbyte_disabled` for a program that may not be started.
   */
  async connector(type: string): Promise<CatalogConnector> {
    return toConnector(allowedEntry(catalogEntry(this.#folder, type), this.#allowsProcesses))
  }
}

async function toConnector(entry: CatalogEntry): Promise<CatalogConnector> {
  const { connectorType } = entry
  const connector = await connectorOf(connectorType)
  const named = { type: entry.name, ...titleAndDocs(entry, connector) }
  return { connectorType, connector, descriptor: { ...connector.descriptor, ...named } }
}
