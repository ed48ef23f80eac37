import avro from 'avsc'
import { wireSchema } from '../../../protocol/avro/avro-schema.ts'
import { forAvsc } from '../../../protocol/avro/decode-block.ts'
import type { Column, StreamId } from '../../../protocol/index.ts'
import type { LogEntry, LogRecords } from '../../../engine/log/stream-log.ts'

export const sampleColumns: readonly Column[] = [
  { name: 'id', kind: 'integer' },
  { name: 'name', kind: 'string' },
]
export const sampleStream: StreamId = { namespace: 'public', name: 'orders' }

const type = avro.Type.forSchema(forAvsc(wireSchema(sampleStream, sampleColumns).recordSchema), {
  wrapUnions: false,
})

/**
 * A records entry as a writer in `record` framing gives it (a log that frames blocks ignores ends and keys).
 */
export function sampleRecords(
  slice: string,
  range: { readonly seq: number; readonly count: number; readonly nameBytes?: number },
): LogRecords {
  const { seq, count, nameBytes = 10 } = range
  const records = Array.from({ length: count }, (_, index) => sampleRecord(seq + index, nameBytes))
  let end = 0
  return {
    type: 'records',
    slice,
    seq,
    count,
    bytes: new Uint8Array(Buffer.concat(records)),
    ends: Uint32Array.from(records.map((record) => (end += record.length))),
    keys: records.map((_, index) => new Uint8Array(Buffer.from(JSON.stringify([seq + index])))),
  }
}

function sampleRecord(id: number, nameBytes: number): Buffer {
  return type.toBuffer({
    _airbyte_extracted_at: 1_700_000_000_000,
    _airbyte_changes: null,
    _airbyte_overflow: null,
    id,
    name: String(id).padStart(nameBytes, 'x'),
  })
}

export interface SampleSlice {
  readonly slice: string
  readonly from: number
  readonly to: number
  /** Records of a unit, and of an entry. */
  readonly unit: number
  readonly block: number
  readonly nameBytes?: number
}

/** The entries of one slice: begin, units, end. States are `{ at: seq }`. */
export function* sampleEntries(
  slice: SampleSlice,
  ids: { readonly syncId: number; readonly attempt: number },
): Generator<LogEntry> {
  const { slice: name, from, to, unit, block } = slice
  yield { type: 'begin', ...ids, slice: name, seq: from, columns: sampleColumns }
  for (let start = from; start < to; start += unit) {
    const end = Math.min(to, start + unit)
    for (let seq = start; seq < end; seq += block) {
      const count = Math.min(block, end - seq)
      yield sampleRecords(name, {
        seq,
        count,
        ...(slice.nameBytes !== undefined && { nameBytes: slice.nameBytes }),
      })
    }
    yield { type: 'state', slice: name, seq: end, count: end - start, state: { at: end } }
  }
  yield { type: 'end', slice: name, seq: to, outcome: 'complete' }
}
