import type { RecordBlock } from '../../sink.ts'
import type { RowBatch, RowMessagesOptions, WrittenRows } from './row-options.ts'

/**
 * Makes messages of a topic from blocks of records, bytes to bytes.
 *
 * Usage: `write` blocks; when `pendingBytes` is large enough, `take` the batches and send them in their order; `release` each one when it
 * was sent (its bytes are reused from then on). Columns change: a new RowMessages. Roll back: `clear`.
 */
export class RowMessages {
  constructor(options: RowMessagesOptions) {
    void options
  }

  /** Bytes of messages that wait for `take`, uncompressed. */
  get pendingBytes(): number {
    return 0
  }

  /** Makes the messages of a block: its bytes are free again when it returns. */
  write(block: RecordBlock): WrittenRows {
    throw new Error(`to come: ${block.slice}`)
  }

  /** All messages since the last time, in the order in which the messages of a key are to be written. No batch is larger than the topic takes. */
  take(): readonly RowBatch[] {
    return []
  }

  /** The bytes of a batch that was taken are not needed any more. */
  release(batch: RowBatch): void {
    void batch
  }

  /** Forgets what was written since the last `take`. */
  clear(): void {
    return undefined
  }
}
