import type { CatalogEntryDocument, ConnectorDescription } from './schema.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogEntryDocument[]>
  /** Throws `unknown_connector`, and `manifest_invalid` or `manifest_unreadable` for one that cannot be loaded any more. */
  get(type: string): Promise<ConnectorDescription>
}
