import type { ConnectorDescriptor } from '../../connectors/connector.ts'

export interface CatalogService {
  list(): Promise<readonly CatalogEntry[]>
  /** Throws `unknown_connector`. */
  get(type: string): Promise<ConnectorDescriptor>
}

export interface CatalogEntry {
  readonly type: string
  readonly title: string
  /** native: written here; bundled and imported: manifests. */
  readonly kind: 'native' | 'bundled' | 'imported'
}
