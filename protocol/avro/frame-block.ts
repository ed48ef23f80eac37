import type { Fingerprint } from './fingerprint.ts'

/** Avro single-object encoding: C3 01, the schema's fingerprint (8 bytes, little endian), the value. */
const marker = [0xc3, 0x01] as const
const headerBytes = 10

/**
 * The value of a block message: the single-object encoding of an Avro array of `count` records (one block of
 * it, then 0x00). In pieces, so that the records need not be copied.
 */
export function frameBlock(
  fingerprint: Fingerprint,
  count: number,
  records: Uint8Array,
): readonly Uint8Array[] {
  const digits = zigzag(count)
  const head = Buffer.allocUnsafe(headerBytes + digits.length)
  writeHeader(head, fingerprint)
  head.set(digits, headerBytes)
  return [head, records, Uint8Array.of(0x00)]
}

/** The value of a single record's message. */
export function frameRecord(fingerprint: Fingerprint, record: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(headerBytes + record.length)
  writeHeader(value, fingerprint)
  value.set(record, headerBytes)
  return value
}

/**
 * The records of a block, as a view into the value; undefined if it is not a block of `count` records with
 * this fingerprint.
 */
export function unframeBlock(
  value: Uint8Array,
  count: number,
  fingerprintHex: string,
): Uint8Array | undefined {
  const head = zigzag(count)
  const start = headerBytes + head.length
  if (value.length < start + 1 || fingerprintIn(value) !== fingerprintHex) return undefined
  if (head.some((byte, index) => value[headerBytes + index] !== byte)) return undefined
  return value.at(-1) === 0x00 ? value.subarray(start, value.length - 1) : undefined
}

/** The record, as a view into the value; undefined if the value has another fingerprint or none. */
export function unframeRecord(value: Uint8Array, fingerprintHex: string): Uint8Array | undefined {
  return fingerprintIn(value) === fingerprintHex ? value.subarray(headerBytes) : undefined
}

/**
 * The records of a message in either framing: a block of `count` records, or a single record, which has no
 * count.
 */
export function unframeRecords(
  value: Uint8Array,
  count: number | undefined,
  fingerprintHex: string,
): Uint8Array | undefined {
  return count === undefined
    ? unframeRecord(value, fingerprintHex)
    : unframeBlock(value, count, fingerprintHex)
}

/**
 * The schema's fingerprint (16 hexadecimal digits) in a single-object encoding; undefined if the value is
 * none.
 */
export function fingerprintIn(value: Uint8Array): string | undefined {
  if (value.length < headerBytes || value[0] !== marker[0] || value[1] !== marker[1]) {
    return undefined
  }
  const view = new DataView(value.buffer, value.byteOffset + marker.length, 8)
  return view.getBigUint64(0, true).toString(16).padStart(16, '0')
}

function writeHeader(value: Buffer, fingerprint: Fingerprint): void {
  value.set(marker, 0)
  value.set(fingerprint.bytes, marker.length)
}

/** A positive Avro long: zigzag, seven bits a byte, the lowest first. */
function zigzag(value: number): number[] {
  const bytes: number[] = []
  let rest = value * 2
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return bytes
}
