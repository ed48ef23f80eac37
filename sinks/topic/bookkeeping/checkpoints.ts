import { streamKey, type StreamId } from '../../../protocol/index.ts'
import type { RunRecord } from '../../bookkeeping/stored-records.ts'
import type { CheckpointRecord, PositionRecord, SliceRecord, StreamRecord } from './records.ts'

/** The stored state of a stream. */
export interface StoredStream {
  readonly id: StreamId
  readonly record: StreamRecord | undefined
  readonly slices: ReadonlyMap<string, SliceRecord>
  readonly positions: ReadonlyMap<number, PositionRecord>
}

interface Entry {
  readonly id: StreamId
  record: StreamRecord | undefined
  readonly slices: Map<string, SliceRecord>
  readonly positions: Map<number, PositionRecord>
}

/** The checkpoints of a connection, as its topic has them up to some message. */
export class Checkpoints {
  run: RunRecord | undefined
  readonly #streams = new Map<string, Entry>()

  apply(record: CheckpointRecord): void {
    if (record.kind === 'run') {
      this.run = record.value ?? undefined
      return
    }
    const entry = this.#entry(record.stream)
    if (record.kind === 'stream') entry.record = record.value ?? undefined
    else if (record.kind === 'slice') set(entry.slices, record.slice, record.value)
    else set(entry.positions, record.partition, record.value)
  }

  stream(id: StreamId): StoredStream {
    return this.#streams.get(streamKey(id)) ?? emptyEntry(id)
  }

  /** Those that were begun. */
  streams(): readonly (StoredStream & { readonly record: StreamRecord })[] {
    return [...this.#streams.values()].flatMap(({ record, ...stored }) =>
      record === undefined ? [] : [{ ...stored, record }],
    )
  }

  #entry(id: StreamId): Entry {
    const key = streamKey(id)
    const known = this.#streams.get(key)
    if (known !== undefined) return known
    const entry = emptyEntry(id)
    this.#streams.set(key, entry)
    return entry
  }
}

function emptyEntry(id: StreamId): Entry {
  return { id, record: undefined, slices: new Map(), positions: new Map() }
}

function set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key)
  else map.set(key, value)
}
