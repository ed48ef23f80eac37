import type { AirbyteCatalog } from '../../../protocol/index.ts'
import type { Connection } from '../schema.ts'
import type { SchemaChange, SchemaDrift } from '../../schema-changes/schema.ts'

/** The approved schemas of connections, and the changes that runs found (`Connection.drift`). */
export interface DriftStore {
  /** The approved streams; null if nothing is approved. */
  approved(connectionId: string): Promise<AirbyteCatalog | null>
  /**
   * Stores what a run found out about the source's schema, completely or not at all. The version of the
   * connection stays. False, and nothing changed, if the connection was changed in the meantime, or the run
   * no longer belongs to the owner.
   */
  settle(settled: SettledSchema): Promise<boolean>
  /** The schema that waits for approval; null if none does. */
  waiting(connectionId: string): Promise<AirbyteCatalog | null>
  /** Approves the schema that was found; false if no schema with this fingerprint waits for approval. */
  approve(name: string, fingerprint: string): Promise<boolean>
}

export interface SettledSchema {
  readonly connection: Pick<Connection, 'id' | 'version'>
  readonly run: string
  readonly owner: string
  /** Null: the approved schema stays. */
  readonly approved: AirbyteCatalog | null
  /** Null: there is no drift. A known one keeps its run and its time. */
  readonly drift: { readonly shown: SchemaDrift; readonly catalog: AirbyteCatalog } | null
  /** The changes that the run's record will list. */
  readonly changes: readonly SchemaChange[]
}
