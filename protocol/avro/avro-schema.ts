import type { StreamId } from '../stream-id.ts'
import type { Column } from '../columns.ts'
import { avroName, avroNames, avroTypeOf, json } from './avro-fields.ts'
import type { AvroRecordSchema } from './avro-types.ts'
import { crc64Avro, fingerprintOf, type Fingerprint } from './fingerprint.ts'
import { recordFields } from './record-layout.ts'

/**
 * The wire format of a stream's records. Making it costs about a millisecond: once per stream, not per block.
 */
export interface WireSchema {
  readonly columns: readonly Column[]
  readonly recordSchema: AvroRecordSchema
  /** A block: the Avro array of records. */
  readonly blockSchema: { readonly type: 'array'; readonly items: AvroRecordSchema }
  /** The fingerprint of `blockSchema`. */
  readonly fingerprint: Fingerprint
  /** The fingerprint of `recordSchema`, for the `record` framing. */
  readonly recordFingerprint: Fingerprint
}

/** The wire schema of a stream with these columns. */
export function wireSchema(stream: StreamId, columns: readonly Column[]): WireSchema {
  const recordSchema = recordSchemaOf(stream, columns)
  const blockSchema = { type: 'array', items: recordSchema } as const
  return {
    columns,
    recordSchema,
    blockSchema,
    fingerprint: fingerprintOf(blockSchema),
    recordFingerprint: fingerprintOf(recordSchema),
  }
}

/**
 * The Avro schema of one record (record-layout.ts): three fields of our own, then one nullable field per
 * column.
 */
export function recordSchemaOf(stream: StreamId, columns: readonly Column[]): AvroRecordSchema {
  const names = avroNames(
    columns.map((column) => column.name),
    Object.values(recordFields),
  )
  return {
    type: 'record',
    name: avroName(stream.name),
    namespace: namespaceOf(stream, columns),
    doc: `Records of stream ${stream.namespace === undefined ? '' : `${stream.namespace}.`}${stream.name}`,
    fields: [
      { name: recordFields.extractedAt, type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: recordFields.changes, type: ['null', json], default: null },
      {
        name: recordFields.overflow,
        type: ['null', { type: 'map', values: ['null', json] }],
        default: null,
      },
      ...columns.map(({ name, kind, postgres_type }, index) => ({
        name: names[index] ?? '',
        type: ['null', avroTypeOf(kind)],
        default: null,
        original_name: name,
        kind,
        ...(postgres_type !== undefined && { postgres_type }),
      })),
    ],
  }
}

/**
 * A fingerprint covers names and physical types only: an integer and a timestamp column, or `a-b` and `a.b`,
 * would share one, and a consumer would find another stream's logical types under it. The digest of the real
 * names and kinds stands in the namespace, so that they differ; Avro's schema resolution compares records by
 * their name without the namespace.
 */
function namespaceOf(stream: StreamId, columns: readonly Column[]): string {
  const facts = [
    stream.namespace ?? null,
    stream.name,
    ...columns.map(({ name, kind }) => [name, kind]),
  ]
  const digest = crc64Avro(new TextEncoder().encode(JSON.stringify(facts)))
  const parts = ['connect', `v${digest.toString(16).padStart(16, '0')}`]
  if (stream.namespace !== undefined) parts.push(avroName(stream.namespace))
  return parts.join('.')
}
