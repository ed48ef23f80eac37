import { describeConnector, summarizeConnector } from '../../service/catalog/describe-connector.ts'
import { catalogEntry, readCatalog } from '../../connectors/catalog.ts'
import {
  catalogDocument,
  catalogEntrySchema,
  descriptorDocument,
  descriptorSchema,
  foundConnectorSchema,
  searchDocument,
} from '../../service/catalog/schema.ts'
import { searchConnectors, type FindPublished } from '../../service/catalog/search-connectors.ts'
import type { Environment } from '../../plan/environment.ts'
import { toWire } from '../../service/platform/wire.ts'
import { ConnectError } from '../../protocol/index.ts'
import { ApiClient } from '../client/api-client.ts'
import { apiPath } from '../client/api-path.ts'
import { findService, withValidLogin } from '../client/find-service.ts'
import { docsFileUrl } from '../output/docs-path.ts'
import type { ConnectorDocument, ConnectorSummary, SearchResult } from './catalog-lines.ts'

/** Where connectors are looked up: at a service, or on this machine. Both give the same documents. */
export interface CatalogSource {
  list(): Promise<readonly ConnectorSummary[]>
  /** Words of a name or title, in the catalog and among the connectors that Airbyte publishes. */
  search(text: string): Promise<SearchResult>
  /** Throws `unknown_connector`. */
  get(type: string): Promise<ConnectorDocument>
}

/** The catalog of a service. */
export function serviceCatalog(client: Pick<ApiClient, 'ask'>): CatalogSource {
  return {
    list: async () => {
      const request = { method: 'GET', path: apiPath('catalog') } as const
      return (await client.ask(request, catalogDocument)).document.items
    },
    search: async (text) => {
      const request = { method: 'GET', path: apiPath('catalog-search'), query: { text } } as const
      const { items, published_problem } = (await client.ask(request, searchDocument)).document
      return { items, published_problem }
    },
    get: async (type) => {
      const request = { method: 'GET', path: apiPath('catalog', type) } as const
      return (await client.ask(request, descriptorDocument)).document
    },
  }
}

/** The catalog of this machine. */
export function localCatalog(folder: string, findPublished: FindPublished): CatalogSource {
  const list = () => Promise.all([...readCatalog(folder).values()].map(summarizeConnector))
  return {
    list: async () => (await list()).map((entry) => toWire(catalogEntrySchema, entry)),
    search: async (text) => {
      const found = await searchConnectors(text, { list, findPublished })
      return {
        items: found.items.map((item) => toWire(foundConnectorSchema, item)),
        published_problem: found.publishedProblem,
      }
    },
    get: async (type) => {
      const connector = await describeConnector(catalogEntry(folder, type))
      const document = toWire(descriptorSchema, connector)
      return { ...document, docs_url: docsFileUrl(document.docs_url) }
    },
  }
}

/**
 * The catalog of the service that this machine knows of and has a key for, else the one of this machine. A
 * connector that the service does not have may be one that was imported here.
 */
export async function knownCatalog(options: {
  readonly folder: string
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly findPublished: FindPublished
}): Promise<CatalogSource> {
  const local = localCatalog(options.folder, options.findPublished)
  const service = await findService({}, options.environment)
  if (service.key === undefined) return local
  const remote = serviceCatalog(new ApiClient(withValidLogin(service, Date.now()), options.signal))
  return {
    list: () => remote.list().catch(unlessAway(() => local.list())),
    search: (text) => remote.search(text).catch(unlessAway(() => local.search(text))),
    get: (type) => remote.get(type).catch(unlessAway(() => local.get(type))),
  }
}

const awayCodes = new Set<ConnectError['code']>(['service_unreachable', 'unknown_connector'])

function unlessAway<Result>(other: () => Promise<Result>): (error: unknown) => Promise<Result> {
  return (error) => {
    if (error instanceof ConnectError && awayCodes.has(error.code)) return other()
    throw error
  }
}
