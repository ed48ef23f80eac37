import type { AvroSchema, Column, Fingerprint, JsonObject } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'

/** The format of a row's message (docs/topics.md has each form). */
export interface RowFormat {
  readonly encoding: 'json' | 'avro'
  /** `row`: the row alone; `debezium`: in Debezium's envelope. */
  readonly envelope: 'row' | 'debezium'
}

/**
 * How readers find the schema of a value in Avro: a schema registry has it under a number, or
 * `connect.schemas` under its fingerprint.
 */
export type SchemaLookup = 'registry' | 'fingerprint'

/** The facts that follow only from the stream, its columns and the topic. The schemas do too. */
export interface RowForm {
  readonly topic: string
  readonly sink: Pick<SinkStream, 'connection' | 'stream' | 'mode' | 'metadata' | 'deletes'>
  /** The columns of the blocks, in the order of the wire. */
  readonly columns: readonly Column[]
  readonly format: RowFormat
  readonly lookup: SchemaLookup
}

/** The ids that the registry gave for `messageSchemas`. */
export interface SchemaIds {
  /** Absent if the messages have no key. */
  readonly key?: number
  readonly value: number
}

export interface RowMessagesOptions extends RowForm {
  /** The number of the topic's partitions at the time of the sync. */
  readonly partitions: number
  /** `max.message.bytes` of the topic: a row whose message is larger is rejected, and no batch is larger. */
  readonly maxMessageBytes: number
  readonly syncId: number
  readonly generationId: number
  /** The version of this program: Debezium's envelope has it. */
  readonly version: string
  /** Needed if and only if the encoding is Avro and `lookup` is `registry`. */
  readonly schemaIds?: SchemaIds
}

/**
 * A schema that readers of the messages need, for registries (`text`, `type`) and for `connect.schemas`
 * (`fingerprint`).
 */
export interface MessageSchema {
  readonly type: 'AVRO' | 'JSON'
  /** The document. */
  readonly schema: AvroSchema | JsonObject
  /** The same as text. */
  readonly text: string
  /** The fingerprint of an Avro schema. */
  readonly fingerprint?: Fingerprint
}

export interface MessageSchemas {
  /** Undefined if the messages have no key. */
  readonly key: MessageSchema | undefined
  readonly value: MessageSchema
}

/** A record that becomes no message. */
export interface RejectedRow {
  readonly slice: string
  readonly seq: number
  readonly reason: string
  /** Canonical JSON of the record's primary key; absent without one. */
  readonly key?: string
}

/** The result for the records of a block: rows + deleted + rejected.length is its count. */
export interface WrittenRows {
  /** Records whose row is in a message. */
  readonly rows: number
  /** Records that the source marks as deleted, and that became a tombstone. */
  readonly deleted: number
  readonly rejected: readonly RejectedRow[]
}

/** Messages of one partition, as `TransactionalProducer.append` takes them. */
export interface RowBatch {
  readonly partition: number
  readonly bytes: Uint8Array
  readonly count: number
}
