import {
  crc64Avro,
  type AvroRecordSchema,
  type AvroSchema,
  type Column,
  type ColumnKind,
} from '../../../protocol/index.ts'
import { avroName, avroNames, avroTypeOf, json } from '../../../protocol/avro/avro-fields.ts'
import type { AvroField } from '../../../protocol/avro/avro-types.ts'
import type { RowColumns } from './row-columns.ts'
import { ownFields } from './row-facts.ts'
import type { RowForm } from './row-options.ts'

/**
 * The key of a message. Its names do not depend on the columns beside it, so that the bytes of a key, and its
 * partition, stay when a column is added. The field of a key of one column is never null; of several ones,
 * some may be.
 */
export function avroKeySchema(
  form: RowForm,
  key: NonNullable<RowColumns['key']>,
): AvroRecordSchema {
  const columns = key.flatMap((index) => form.columns[index] ?? [])
  return {
    type: 'record',
    name: 'Key',
    namespace: namespaceOf(form, columns),
    fields:
      columns.length === 1 ? columnFields(columns, plainField) : columnFields(columns, nullable),
  }
}

/**
 * The value of a message: names as Debezium gives them to the records of a topic. One nullable field per
 * column, so that columns may come and go under any rule of compatibility.
 */
export function avroValueSchema(form: RowForm): AvroRecordSchema {
  const namespace = namespaceOf(form, form.columns)
  const row: AvroRecordSchema = {
    type: 'record',
    name: 'Value',
    namespace,
    fields: [
      ...columnFields(form.columns, nullable),
      {
        name: ownFields.overflow,
        type: ['null', { type: 'map', values: ['null', json] }],
        default: null,
      },
      ...(form.sink.metadata === 'full' ? metadataFields : []),
    ],
  }
  return form.format.envelope === 'row' ? row : envelopeOf(row, namespace)
}

const metadataFields: readonly AvroField[] = [
  nullable(ownFields.extractedAt, { type: 'long', logicalType: 'timestamp-millis' }),
  nullable(ownFields.generationId, 'long'),
  nullable(ownFields.rawId, 'string'),
  nullable(ownFields.meta, json),
]

function envelopeOf(row: AvroRecordSchema, namespace: string): AvroRecordSchema {
  const source: AvroRecordSchema = {
    type: 'record',
    name: 'Source',
    namespace,
    fields: [
      { name: 'version', type: 'string' },
      { name: 'connector', type: 'string' },
      { name: 'name', type: 'string' },
      { name: 'ts_ms', type: 'long' },
      { name: 'snapshot', type: 'string' },
      { name: 'db', type: 'string' },
      nullable('schema', 'string'),
      { name: 'table', type: 'string' },
      { name: 'sync_id', type: 'long' },
      { name: 'generation_id', type: 'long' },
      { name: 'slice', type: 'string' },
      { name: 'seq', type: 'long' },
    ],
  }
  const transaction: AvroRecordSchema = {
    type: 'record',
    name: 'block',
    namespace: 'event',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'total_order', type: 'long' },
      { name: 'data_collection_order', type: 'long' },
    ],
  }
  return {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      nullable('before', row),
      nullable('after', `${namespace}.Value`),
      { name: 'source', type: source },
      nullable('transaction', transaction),
      { name: 'op', type: 'string' },
      nullable('ts_ms', 'long'),
    ],
  }
}

/**
 * The name of the topic, which stays: a registry compares the versions of a subject by it. If readers find a
 * schema by its fingerprint, which covers names and physical types only, a digest of the real names and kinds
 * follows, as it does in the log (protocol/avro/avro-schema.ts).
 */
function namespaceOf({ topic, lookup }: RowForm, columns: readonly Column[]): string {
  const name = topic.split('.').map(avroName).join('.')
  if (lookup === 'registry') return name
  const facts = columns.map((column) => [column.name, column.kind])
  const digest = crc64Avro(new TextEncoder().encode(JSON.stringify(facts)))
  return `${name}.v${digest.toString(16).padStart(16, '0')}`
}

function columnFields(
  columns: readonly Column[],
  fieldOf: (name: string, type: AvroSchema) => AvroField,
): readonly AvroField[] {
  const names = avroNames(
    columns.map(({ name }) => name),
    Object.values(ownFields),
  )
  return columns.map(({ name, kind }, index) => ({
    ...fieldOf(names[index] ?? '', columnType(kind)),
    original_name: name,
    kind,
  }))
}

/**
 * The names that Kafka Connect's Avro converters use for a type whose logical type they do not know.
 * Debezium's connectors write the same names. Its JDBC sink uses them to create columns with a time, and
 * jsonb, instead of numbers and texts.
 */
const connectNames: Readonly<Partial<Record<ColumnKind, string>>> = {
  timestamptz: 'io.debezium.time.MicroTimestamp',
  timestamp: 'io.debezium.time.MicroTimestamp',
  time: 'io.debezium.time.MicroTime',
  json: 'io.debezium.data.Json',
}

function columnType(kind: ColumnKind): AvroSchema {
  const type = avroTypeOf(kind)
  const name = connectNames[kind]
  const isPrimitive = typeof type === 'object' && 'logicalType' in type
  if (name === undefined || !isPrimitive) return type
  return { ...type, 'connect.version': 1, 'connect.name': name }
}

function plainField(name: string, type: AvroSchema): AvroField {
  return { name, type }
}

function nullable(name: string, type: AvroSchema): AvroField {
  return { name, type: ['null', type], default: null }
}
