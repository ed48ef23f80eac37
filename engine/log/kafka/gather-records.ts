import type { LogRecords } from '../stream-log.ts'
import type { MessageCursor } from '../../../kafka/record-batch/message-cursor.ts'

/** A gathered entry is about as large as a block. */
const maxGatheredBytes = 256 * 1024
/** Marker and fingerprint of Avro's single-object encoding, before the record. */
const prefixBytes = 10

export interface GatheredRecords {
  readonly entry: LogRecords
  readonly lastOffset: bigint
  /** The cursor stands at a message that does not belong to the entry. */
  readonly stopped: boolean
}

/**
 * `record` framing: the record that the cursor stands at and those that follow it without a gap, as one
 * entry. A message belongs to it if it has the same bytes as the first one except for the key, the record,
 * and a `seq` that is one more than the previous one, as the last header. The records are moved together in
 * the batch's own bytes: nothing is allocated for a record.
 */
export function gatherRecords(cursor: MessageCursor, first: LogRecords): GatheredRecords {
  const { bytes } = cursor
  const start = cursor.valueStart + prefixBytes
  let end = cursor.valueEnd
  let count = 1
  let lastOffset = cursor.offset
  const prefix = Uint8Array.prototype.slice.call(bytes, cursor.valueStart, start)
  const headers = headersBeforeSeq(cursor, first.seq)
  let stopped = false
  while (headers !== undefined && end - start < maxGatheredBytes) {
    if (!cursor.next()) break
    const { valueStart, valueEnd, headersStart } = cursor
    stopped =
      valueEnd - valueStart < prefixBytes ||
      !hasAt(bytes, valueStart, prefix) ||
      !hasAt(bytes, headersStart, headers) ||
      !endsWithNumber(bytes, headersStart + headers.length, {
        end: cursor.end,
        number: first.seq + count,
      })
    if (stopped) break
    bytes.copyWithin(end, valueStart + prefixBytes, valueEnd)
    end += valueEnd - valueStart - prefixBytes
    count += 1
    lastOffset = cursor.offset
  }
  const { slice, seq } = first
  return {
    entry: { type: 'records', slice, seq, count, bytes: bytes.subarray(start, end) },
    lastOffset,
    stopped,
  }
}

/** The encoded headers up to the value of the last one; undefined if that is not `seq`. */
function headersBeforeSeq(cursor: MessageCursor, seq: number): Uint8Array | undefined {
  const { bytes, headersStart, end } = cursor
  const numberStart = end - 1 - String(seq).length
  const name = 'seq'
  if (bytes.toString('latin1', numberStart - name.length, numberStart) !== name) return undefined
  if (!endsWithNumber(bytes, numberStart, { end, number: seq })) return undefined
  return Uint8Array.prototype.slice.call(bytes, headersStart, numberStart)
}

/** Whether a length and the decimal digits of a number stand from `position` to `end`. */
function endsWithNumber(
  bytes: Uint8Array,
  position: number,
  { end, number }: { readonly end: number; readonly number: number },
): boolean {
  let rest = number
  let digitAt = end
  do {
    digitAt -= 1
    const tenth = Math.floor(rest / 10)
    if (bytes[digitAt] !== 0x30 + rest - tenth * 10) return false
    rest = tenth
  } while (rest > 0)
  return digitAt === position + 1 && bytes[position] === (end - digitAt) * 2
}

function hasAt(bytes: Uint8Array, position: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[position + index] !== wanted[index]) return false
  }
  return true
}
