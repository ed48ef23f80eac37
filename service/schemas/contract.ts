import type { AvroRecordSchema, StreamId } from '../../protocol/index.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import type { StreamSchema, UsedSchema } from './schema.ts'

export interface SchemaService {
  /** Newest first. `stream`: its name alone. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** Throws `schema_not_found`, also if no use of it is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}

/**
 * The Avro schemas of the records that runs have carried. They stay when their connection goes: topics
 * outlive it.
 */
export interface SchemaStore {
  /** The indexes of those streams whose columns no run of the connection has had yet. */
  findUnknown(connection: string, streams: readonly StreamColumns[]): Promise<readonly number[]>
  /** If it is new for its stream, it is the stream's next version. Storing it again changes nothing. */
  keep(schema: NewStreamSchema): Promise<void>
  /** Newest first. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** By the fingerprint of a block or of a record. Throws `schema_not_found`, also if no use is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}

export interface StreamColumns {
  readonly stream: StreamId
  /** A digest of the columns' names and kinds, in order: a fingerprint takes much longer to make. */
  readonly columnsDigest: string
}

export interface NewStreamSchema extends StreamColumns {
  readonly connection: string
  readonly run: string
  /** The fingerprint of a single record. */
  readonly fingerprint: string
  readonly blockFingerprint: string
  /** The schema of a single record. */
  readonly schema: AvroRecordSchema
}
