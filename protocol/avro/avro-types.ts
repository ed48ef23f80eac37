import type { ColumnKind } from '../columns.ts'
import type { PostgresType } from '../postgres-type.ts'

/** An Avro schema as its JSON document. */
export type AvroSchema =
  | string
  | readonly AvroSchema[]
  | AvroNamedSchema
  | AvroPrimitiveSchema
  | { readonly type: 'array'; readonly items: AvroSchema }
  | { readonly type: 'map'; readonly values: AvroSchema }

/** The schemas that have a name. */
export type AvroNamedSchema = AvroRecordSchema | AvroEnumSchema | AvroFixedSchema

/**
 * A primitive written as an object, to carry a logical type. `connect.…` is for Kafka Connect; Avro readers
 * ignore it.
 */
export interface AvroPrimitiveSchema {
  readonly type: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'
  readonly logicalType?: string
  readonly 'connect.version'?: number
  readonly 'connect.name'?: string
}

/** The schema of a record. */
export interface AvroRecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields: readonly AvroField[]
}

/**
 * One field of a record. `original_name`, `kind` and `postgres_type` describe the stream's column; Avro
 * readers ignore them.
 */
export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly default?: null
  readonly original_name?: string
  readonly kind?: ColumnKind
  readonly postgres_type?: PostgresType
}

interface AvroEnumSchema {
  readonly type: 'enum'
  readonly name: string
  readonly namespace?: string
  readonly symbols: readonly string[]
}

interface AvroFixedSchema {
  readonly type: 'fixed'
  readonly name: string
  readonly namespace?: string
  readonly size: number
}
