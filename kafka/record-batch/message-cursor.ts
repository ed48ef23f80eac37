import { largestRecordBytes } from '../../protocol/index.ts'
import { decompress } from './compression.ts'
import { BrokenBatchError, type RecordBatch } from './record-batch.ts'

/** One message as an object: for those that are not records of a run. */
export interface KafkaMessage {
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** As text; of headers with one name the last. */
  readonly headers: ReadonlyMap<string, string>
}

/**
 * Our writers' batches are at most as large as the largest record and what goes with it. Against a small
 * batch that expands without end.
 */
const maxBatchBytes = largestRecordBytes + 1024 * 1024

/**
 * The messages of a batch, one after the other, without an object for each: the cursor stands at one, and
 * says where its parts are in `bytes`.
 */
export class MessageCursor {
  /** The decompressed messages. They belong to the cursor's holder. */
  readonly bytes: Buffer
  readonly #batch: RecordBatch
  readonly #from: number
  #left: number
  #position = 0
  #offsetDelta = 0
  /** -1: no key. */
  #keyLength = -1
  #keyStart = 0
  /** -1: no value. */
  #valueLength = -1
  valueStart = 0
  headersStart = 0

  private constructor(batch: RecordBatch, bytes: Buffer, from: bigint) {
    this.bytes = bytes
    this.#batch = batch
    this.#from = Number(from - batch.baseOffset)
    this.#left = batch.count
  }

  /** Messages before the offset `from` are skipped. */
  static async open(batch: RecordBatch, from: bigint): Promise<MessageCursor> {
    const { body, codec, count } = batch
    // Compaction leaves the last batch of a producer, with no messages and no compressed stream.
    if (count === 0) return new MessageCursor(batch, body, from)
    try {
      const bytes = await decompress(body, { codec, maxBytes: maxBatchBytes })
      return new MessageCursor(batch, bytes, from)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new BrokenBatchError(batch.baseOffset, `it cannot be decompressed: ${reason}`)
    }
  }

  get offset(): bigint {
    return this.#batch.baseOffset + BigInt(this.#offsetDelta)
  }

  /** End of the value, and 0 if there is none. */
  get valueEnd(): number {
    return this.#valueLength < 0 ? 0 : this.valueStart + this.#valueLength
  }

  /** End of the headers and of the message. */
  get end(): number {
    return this.#position
  }

  /** Steps to the next message; false after the last one. */
  next(): boolean {
    while (this.#left > 0) {
      this.#left -= 1
      this.#step()
      if (this.#offsetDelta >= this.#from) return true
    }
    return false
  }

  message(): KafkaMessage {
    return {
      offset: this.offset,
      key: this.#part(this.#keyStart, this.#keyLength),
      value: this.#part(this.valueStart, this.#valueLength),
      headers: this.#headers(),
    }
  }

  #step(): void {
    const end = this.#length() + this.#position
    if (end > this.bytes.length) throw this.#broken()
    this.#position += 1 // attributes: none are defined
    while ((this.bytes[this.#position++] ?? 0) > 0x7f); // timestamp
    this.#offsetDelta = this.#length()
    this.#keyLength = this.#length()
    this.#keyStart = this.#position
    this.#position += Math.max(0, this.#keyLength)
    this.#valueLength = this.#length()
    this.valueStart = this.#position
    this.#position += Math.max(0, this.#valueLength)
    this.headersStart = this.#position
    if (this.#position > end) throw this.#broken()
    this.#position = end
  }

  #headers(): Map<string, string> {
    const headers = new Map<string, string>()
    const end = this.#position
    this.#position = this.headersStart
    for (let left = this.#length(); left > 0; left--) {
      const name = this.#text() ?? ''
      const value = this.#text()
      if (this.#position > end) throw this.#broken()
      if (value !== undefined) headers.set(name, value)
    }
    this.#position = end
    return headers
  }

  #text(): string | undefined {
    const length = this.#length()
    if (length < 0) return undefined
    this.#position += length
    return this.bytes.toString('utf8', this.#position - length, this.#position)
  }

  #part(start: number, length: number): Buffer | null {
    return length < 0 ? null : this.bytes.subarray(start, start + length)
  }

  /** A zigzag varint of 32 bits. */
  #length(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#position++] ?? 0
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw this.#broken()
  }

  #broken(): BrokenBatchError {
    return new BrokenBatchError(this.#batch.baseOffset, 'its messages are cut')
  }
}
