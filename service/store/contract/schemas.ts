import type { AirbyteCatalog, AvroRecordSchema, StreamId } from '../../../protocol/index.ts'
import type { Connection } from '../../contract/connections.ts'
import type { Page, PageRequest, ShownOnly } from '../../contract/lists.ts'
import type { SchemaChange, SchemaDrift } from '../../contract/schema-drift.ts'
import type { StreamSchema, UsedSchema } from '../../contract/schemas.ts'

/** The schemas that are approved for connections, and what runs saw that is not (`Connection.drift`). */
export interface DriftStore {
  /** The streams as they are approved; null where nothing is. */
  approved(connectionId: string): Promise<AirbyteCatalog | null>
  /**
   * Keeps what a run found out of the source's schema, all of it or nothing. The version of the connection stays. False, and nothing
   * changed, where the connection was changed in the meantime, or the run is not the owner's any more.
   */
  settle(settled: SettledSchema): Promise<boolean>
  /** What was seen becomes what is approved; false where nothing with this fingerprint waits for it. */
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

/** The Avro schemas of the records that runs have carried. They stay when their connection goes: topics outlive it. */
export interface SchemaStore {
  /** The places in the list of those streams whose columns no run of the connection has had yet. */
  unknown(connection: string, streams: readonly StreamColumns[]): Promise<readonly number[]>
  /** Where it is new for its stream it is the stream's next version. Keeping one again changes nothing. */
  keep(schema: NewStreamSchema): Promise<void>
  /** The newest first. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** By the fingerprint of a block or of a record. Throws `schema_not_found`, also where no use is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}

export interface StreamColumns {
  readonly stream: StreamId
  /** Of the columns' names and kinds, in their order: a fingerprint takes much longer to make. */
  readonly columnsDigest: string
}

export interface NewStreamSchema extends StreamColumns {
  readonly connection: string
  readonly run: string
  /** Of one record. */
  readonly fingerprint: string
  readonly blockFingerprint: string
  /** Of one record. */
  readonly schema: AvroRecordSchema
}
