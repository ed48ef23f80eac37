import type { ColumnKind } from '../columns.ts'
import { WireWriter } from './wire-writer.ts'

/**
 * The wire layout of a record: an Avro record whose schema is made from the stream's columns
 * (`avro-schema.ts`).
 *
 * | # | field                   | Avro type                              | bytes in the usual case |
 * |---|-------------------------|----------------------------------------|-------------------------|
 * | 0 | `_airbyte_extracted_at` | long, timestamp-millis                 | 6, the same for a batch |
 * | 1 | `_airbyte_changes`      | ["null", string (logical json)]: the source's `meta.changes`, a JSON array | 1 (0x00) |
 * | 2 | `_airbyte_overflow`     | ["null", map of ["null", string (logical json)]] | 1 (0x00)      |
 * | 3… | one per column         | ["null", type of the column's kind]    | 1 (0x00 null, 0x02 value) + value |
 *
 * Overflow: an entry with a string holds, as JSON, a value that the declared type cannot hold (its own field
 * is then null) or an undeclared field; an entry with null says that the declared field was missing from the
 * record (its own field is null). Missing and null stay apart at no cost for the usual record; a bitmap would
 * cost every record ceil(columns / 8) bytes.
 *
 * A *block* is the Avro array of such records: long count, records, 0x00. On a topic the value is
 * 0xC3 0x01, the CRC-64-AVRO fingerprint (8 bytes, little endian) of the array's schema, then the block (Avro
 * single-object encoding).
 */
export const recordFields = {
  extractedAt: '_airbyte_extracted_at',
  changes: '_airbyte_changes',
  overflow: '_airbyte_overflow',
} as const

/** A kind as it is encoded: a time with a zone is text. */
export type WireKind = Exclude<ColumnKind, 'timetz'>

/** How a column of this kind is encoded. */
export function wireKind(kind: ColumnKind): WireKind {
  return kind === 'timetz' ? 'string' : kind
}

/** Union branches of a nullable field, as the zigzag bytes that stand on the wire. */
export const branch = { null: 0x00, value: 0x02 } as const

/** The bytes before the columns in the usual case: no changes, no overflow. */
export function recordHeader(emittedAtMs: number): Uint8Array {
  const header = new WireWriter(16)
  header.long(emittedAtMs)
  header.byte(branch.null)
  header.byte(branch.null)
  return header.bytes.slice(0, header.position)
}

/**
 * The largest record, in bytes of the wire encoding, for every log: a worker holds it several times. A topic
 * with a smaller `max.message.bytes` allows less.
 */
export const largestRecordBytes = 64 * 1024 * 1024
