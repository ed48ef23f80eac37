import { decodeBlock } from '../../../protocol/avro/decode-block.ts'
import { stringifyExact } from '../../../protocol/exact-json.ts'
import { primaryKey, type Column, type ConfiguredAirbyteStream } from '../../../protocol/index.ts'

/** The top-level fields of the primary key. */
export function keyFieldsOf(stream: ConfiguredAirbyteStream): readonly string[] {
  return (primaryKey(stream) ?? []).flatMap(([field]) => field ?? [])
}

/**
 * Canonical JSON of the key of one record of the wire; undefined without a key. For the few records that an
 * account names.
 */
export function keyOfRecord(
  bytes: Uint8Array,
  columns: readonly Column[],
  keyFields: readonly string[],
): string | undefined {
  if (keyFields.length === 0) return undefined
  const [record] = decodeBlock(bytes, 1, columns)
  return stringifyExact(keyFields.map((field) => record?.data[field] ?? null))
}
