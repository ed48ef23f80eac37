import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import type { CatalogEntry } from './schema.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogEntry[]>
  /** Throws `unknown_connector`. */
  get(type: string): Promise<ConnectorDescriptor>
}
