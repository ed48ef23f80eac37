import type { AvroSchema } from '../../protocol/index.ts'
import type { Page, PageRequest, ShownOnly } from './lists.ts'

/** Which schema the records of a connection's stream have had. A stream's versions count up as runs see new ones. */
export interface StreamSchema {
  readonly connection: string
  readonly name: string
  readonly namespace: string | null
  readonly version: number
  /** Of one record: in messages with the framing `record`. 16 hexadecimal digits. */
  readonly recordFingerprint: string
  /** Of an array of records: in messages with the framing `block`. */
  readonly blockFingerprint: string
  /** The run that carried such records first. */
  readonly run: string
  readonly firstSeenAt: string
}

/** The schema that a message's fingerprint stands for. */
export interface UsedSchema {
  readonly fingerprint: string
  readonly framing: 'block' | 'record'
  /** Avro. */
  readonly schema: AvroSchema
  /** The newest 100. */
  readonly usedBy: readonly StreamSchema[]
}

export interface SchemaService {
  /** The newest first. `stream`: by its name alone. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** Throws `schema_not_found`, also where no use of it is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}
