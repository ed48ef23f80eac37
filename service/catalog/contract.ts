import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import type { CatalogEntryDocument } from './schema.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogEntryDocument[]>
  /** Throws `unknown_connector`. */
  get(type: string): Promise<ConnectorDescriptor>
}
