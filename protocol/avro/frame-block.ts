import { ConnectError } from '../errors/connect-error.ts'
import type { Fingerprint } from './fingerprint.ts'
import { FieldReader } from './wire-json.ts'
import { WireWriter } from './wire-writer.ts'

/** Avro single-object encoding: a marker and the schema's fingerprint, before the value. */
const MARKER = [0xc3, 0x01] as const
const HEADER_BYTES = 10

/** A block as the value of a message: marker, fingerprint of the block's schema, count, records, 0x00. */
export function frameBlock(
  fingerprint: Fingerprint,
  count: number,
  records: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter(HEADER_BYTES + 6 + records.length)
  writeHeader(writer, fingerprint)
  if (count > 0) writer.long(count)
  writer.copy(records, 0, records.length)
  writer.byte(0)
  return writer.bytes.subarray(0, writer.at)
}

/** Takes the value of a message apart; `records` is a view. Throws where it is no framed block of ours. */
export function unframeBlock(value: Uint8Array): {
  readonly fingerprint: string
  readonly count: number
  readonly records: Uint8Array
} {
  const fingerprint = readHeader(value)
  const reader = new FieldReader(value, HEADER_BYTES)
  const count = Number(reader.long())
  if (count === 0 && reader.at === value.length) {
    return { fingerprint, count, records: value.subarray(reader.at) }
  }
  if (!(count > 0) || reader.at >= value.length || value[value.length - 1] !== 0) throw notFramed()
  return { fingerprint, count, records: value.subarray(reader.at, value.length - 1) }
}

/** One record as the value of a message: marker, fingerprint of the record's schema, record. */
export function frameRecord(fingerprint: Fingerprint, record: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter(HEADER_BYTES + record.length)
  writeHeader(writer, fingerprint)
  writer.copy(record, 0, record.length)
  return writer.bytes
}

/** Takes the value of a message with one record apart; `record` is a view. Throws where it is not framed. */
export function unframeRecord(value: Uint8Array): {
  readonly fingerprint: string
  readonly record: Uint8Array
} {
  return { fingerprint: readHeader(value), record: value.subarray(HEADER_BYTES) }
}

function writeHeader(writer: WireWriter, fingerprint: Fingerprint): void {
  writer.byte(MARKER[0])
  writer.byte(MARKER[1])
  writer.copy(fingerprint.bytes, 0, 8)
}

/** The fingerprint's hexadecimal digits. */
function readHeader(value: Uint8Array): string {
  if (value.length < HEADER_BYTES || value[0] !== MARKER[0] || value[1] !== MARKER[1])
    throw notFramed()
  return Buffer.from(value.slice(2, HEADER_BYTES)).reverse().toString('hex')
}

function notFramed(): ConnectError {
  return new ConnectError('unexpected', {
    details: { reason: 'a message on the topic is not in the Avro single-object encoding' },
  })
}
