import {
  BatchEncoder,
  mostBytesOf,
  type MessageParts,
} from '../../../kafka/record-batch/batch-encoder.ts'
import { headerBytes } from '../../../kafka/record-batch/record-batch.ts'
import type { RowBatch } from './row-options.ts'

/** A batch is not larger, even if the topic takes more: it is compressed, sent and held as a whole. */
const usualBytes = 1024 * 1024
const firstBytes = 64 * 1024

class PartitionBatch implements RowBatch {
  readonly partition: number
  readonly encoder: BatchEncoder

  constructor(partition: number, encoder: BatchEncoder) {
    this.partition = partition
    this.encoder = encoder
  }

  get bytes(): Uint8Array {
    return this.encoder.bytes
  }

  get count(): number {
    return this.encoder.count
  }
}

/** Where messages go. */
export interface MessageBatches {
  /** The largest message that surely fits into a batch of the topic, alone. */
  readonly maxBytes: number
  readonly pendingBytes: number
  /** Where a message without a key goes. */
  readonly turn: number
  /** The message must not be larger than `maxBytes`; its bytes are used again when it returns. */
  add(partition: number, message: MessageParts): void
  take(): readonly RowBatch[]
  release(batch: RowBatch): void
}

/** The open batch of each partition, and those that are full. Buffers are used again. */
export class PartitionBatches implements MessageBatches {
  readonly maxBytes: number
  readonly #open: (PartitionBatch | undefined)[]
  #full: PartitionBatch[] = []
  readonly #free: BatchEncoder[] = []
  #pendingBytes = 0
  #turn: number

  /** `turn`: the first partition of messages without a key. */
  constructor(
    partitions: number,
    options: { readonly maxMessageBytes: number; readonly turn: number },
  ) {
    this.#open = Array.from({ length: partitions }, () => undefined)
    this.maxBytes = largestMessage(options.maxMessageBytes)
    this.#turn = options.turn % partitions
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** One partition until its batch is taken or full, then the next one. */
  get turn(): number {
    return this.#turn
  }

  add(partition: number, message: MessageParts): void {
    let batch = this.#open[partition] ?? this.#begin(partition)
    const { encoder } = batch
    const limit = Math.min(usualBytes, this.maxBytes)
    if (encoder.count > 0 && encoder.size + mostBytesOf(message) > limit) {
      this.#full.push(batch)
      if (partition === this.#turn) this.#turn = (partition + 1) % this.#open.length
      batch = this.#begin(partition)
    }
    const before = batch.encoder.size
    batch.encoder.parts(message)
    this.#pendingBytes += batch.encoder.size - before
  }

  take(): readonly RowBatch[] {
    const taken = [...this.#full, ...this.#open.filter((batch) => batch !== undefined)]
    if (this.#open[this.#turn] !== undefined) this.#turn = (this.#turn + 1) % this.#open.length
    this.#full = []
    this.#open.fill(undefined)
    this.#pendingBytes = 0
    return taken
  }

  release(batch: RowBatch): void {
    if (batch instanceof PartitionBatch) this.#free.push(batch.encoder)
  }

  #begin(partition: number): PartitionBatch {
    const encoder = this.#free.pop() ?? new BatchEncoder(firstBytes)
    encoder.restart(usualBytes)
    const batch = new PartitionBatch(partition, encoder)
    this.#open[partition] = batch
    return batch
  }
}

/**
 * Alone in a batch of a topic with this `max.message.bytes`. Zstandard makes what it cannot compress larger
 * by 1/256 and less than 64 bytes.
 */
export function largestMessage(maxMessageBytes: number): number {
  return Math.max(0, Math.floor(((maxMessageBytes - headerBytes - 64) * 256) / 257))
}
