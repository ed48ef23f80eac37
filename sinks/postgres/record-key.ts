import { decodeBlock } from '../../protocol/avro/decode-block.ts'
import { stringifyExact } from '../../protocol/exact-json.ts'
import type { Column, ConfiguredAirbyteStream } from '../../protocol/index.ts'

/** The fields of the primary key, as configured, else as the source defines them. */
export function keyFieldsOf({ primary_key, stream }: ConfiguredAirbyteStream): readonly string[] {
  const configured = primary_key ?? []
  const key = configured.length > 0 ? configured : (stream.source_defined_primary_key ?? [])
  return key.flatMap(([field]) => field ?? [])
}

/** Canonical JSON of the key of one record of the wire; undefined without a key. For the few records that an account names. */
export function keyOfRecord(
  bytes: Uint8Array,
  columns: readonly Column[],
  keyFields: readonly string[],
): string | undefined {
  if (keyFields.length === 0) return undefined
  const [record] = decodeBlock(bytes, 1, columns)
  return stringifyExact(keyFields.map((field) => record?.data[field] ?? null))
}
