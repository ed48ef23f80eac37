import type { CatalogSummary, ConnectorDescription } from './schema.ts'
import type { ConnectorSearch } from './search-connectors.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogSummary[]>
  /** Searches the catalog and the connectors that Airbyte publishes, by words of a name or title. */
  search(text: string): Promise<ConnectorSearch>
  /**
   * Throws `unknown_connector`, and `manifest_invalid` or `manifest_unreadable` for one that cannot be loaded
   * any more.
   */
  get(type: string): Promise<ConnectorDescription>
}
