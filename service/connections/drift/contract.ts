import type { AirbyteCatalog } from '../../../protocol/index.ts'
import type { Connection } from '../schema.ts'
import type { SchemaChange, SchemaDrift } from '../../schema-changes/schema.ts'

/** The schemas that are approved for connections, and what runs saw that is not (`Connection.drift`). */
export interface DriftStore {
  /** The streams as they are approved; null if nothing is. */
  approved(connectionId: string): Promise<AirbyteCatalog | null>
  /**
   * Keeps what a run found out of the source's schema, all of it or nothing. The version of the connection stays. False, and nothing
   * changed, where the connection was changed in the meantime, or the run is not the owner's any more.
   */
  settle(settled: SettledSchema): Promise<boolean>
  /** What was seen becomes what is approved; false if nothing with this fingerprint waits for it. */
  approve(name: string, fingerprint: string): Promise<boolean>
}

export interface SettledSchema {
  readonly connection: Pick<Connection, 'id' | 'version'>
  readonly run: string
  readonly owner: string
  /** Null: what is approved stays. */
  readonly approved: AirbyteCatalog | null
  /** Null: there is none. One that is known already keeps its run and its time. */
  readonly drift: { readonly shown: SchemaDrift; readonly catalog: AirbyteCatalog } | null
  /** All that the run's record is to say. */
  readonly changes: readonly SchemaChange[]
}
