import type { CatalogSummary, ConnectorDescription } from './schema.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogSummary[]>
  /**
   * Throws `unknown_connector`, and `manifest_invalid` or `manifest_unreadable` for one that cannot be loaded
   * any more.
   */
  get(type: string): Promise<ConnectorDescription>
}
