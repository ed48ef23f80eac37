import { DEFAULT_BLOCK_BYTES } from '../../../protocol/avro/block-encoder.ts'
import type {
  LaneResume,
  LaneStorage,
  LaneWriter,
  LogEntry,
  LogRecords,
  StoredRecords,
} from '../stream-log.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { newKey } from './stored-keys.ts'

/**
 * The writing end of a lane: a record that is too large for the lane goes to Storage, and an entry that
 * refers to it into the lane.
 */
export class StoringWriter implements LaneWriter {
  readonly #inner: LaneWriter
  readonly #place: LaneStorage
  readonly #storage: ObjectStorage

  constructor(inner: LaneWriter, place: LaneStorage) {
    this.#inner = inner
    this.#place = place
    this.#storage = new ObjectStorage(place.config)
  }

  get resume(): LaneResume {
    return this.#inner.resume
  }

  async append(entry: LogEntry): Promise<void> {
    if (entry.type !== 'records' || !this.#isTooLarge(entry)) return this.#inner.append(entry)
    const [first, last] = splitLast(entry)
    if (first !== undefined) await this.#inner.append(first)
    await this.#inner.append(await this.#store(last))
  }

  reuse(): ArrayBuffer | undefined {
    return this.#inner.reuse()
  }

  async flush(): Promise<void> {
    await this.#inner.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  /** Only the last record of a block can make it larger than this: the block was not full before. */
  #isTooLarge({ bytes }: LogRecords): boolean {
    return bytes.length > this.#place.largestBytes + DEFAULT_BLOCK_BYTES
  }

  async #store({ slice, seq, count, bytes, keys }: LogRecords): Promise<StoredRecords> {
    const { keptMs } = this.#place
    const name = newKey(this.#place, { nowMs: Date.now(), keptMs })
    const object = await this.#storage.put(name, bytes)
    const key = keys?.[0] ?? null
    return { type: 'stored', slice, seq, count, object, ...(key !== null && { key }) }
  }
}

/** In `record` framing the last record is stored alone, under its key; else the block as it is. */
function splitLast(block: LogRecords): readonly [LogRecords | undefined, LogRecords] {
  const { seq, count, bytes, ends, keys } = block
  if (ends === undefined || count === 1) return [undefined, block]
  const before = count - 1
  const start = ends[before - 1] ?? 0
  const part = (from: number, to: number): Partial<LogRecords> => ({
    count: to - from,
    ...(keys !== undefined && { keys: keys.slice(from, to) }),
  })
  return [
    { ...block, ...part(0, before), bytes: bytes.slice(0, start), ends: ends.slice(0, before) },
    {
      ...block,
      ...part(before, count),
      seq: seq + before,
      bytes: bytes.subarray(start),
      ends: Uint32Array.of(bytes.length - start),
    },
  ]
}
