import { BatchEncoder, type MessageParts } from '../../../kafka/record-batch/batch-encoder.ts'
import { cutText } from '../../../protocol/index.ts'
import { mostSamples } from '../../previewed-messages.ts'
import type { PreviewedMessage, PreviewedMessages } from '../../sink.ts'
import { largestMessage, type MessageBatches } from '../rows/partition-batches.ts'
import type { RowBatch } from '../rows/row-options.ts'

/** The longest key or value that is shown, in characters. */
const mostShown = 2_000

interface SampledMessagesOptions {
  readonly partitions: number
  readonly maxMessageBytes: number
  readonly turn: number
  /** False: the bytes of keys are not known yet. */
  readonly hasPartitions: boolean
  readonly keyText: (bytes: Uint8Array) => string
  readonly valueText: (bytes: Uint8Array) => string
}

type Counted = Pick<PreviewedMessages, 'bytes' | 'partitions' | 'samples'>

/** Counts the messages that it gets, and shows the first ones. */
export class SampledMessages implements MessageBatches {
  readonly maxBytes: number
  readonly pendingBytes = 0
  readonly turn: number
  readonly #options: SampledMessagesOptions
  readonly #size = new BatchEncoder(0)
  #bytes = 0
  #partitions: number[] = []
  #samples: PreviewedMessage[] = []

  constructor(options: SampledMessagesOptions) {
    const { partitions, maxMessageBytes, turn } = options
    this.#options = options
    this.maxBytes = largestMessage(maxMessageBytes)
    this.turn = turn % partitions
    this.clear()
  }

  add(partition: number, message: MessageParts): void {
    this.#bytes += this.#size.sizeOf(message)
    this.#partitions[partition] = (this.#partitions[partition] ?? 0) + 1
    if (this.#samples.length < mostSamples) this.#samples.push(this.#sampleOf(partition, message))
  }

  take(): readonly RowBatch[] {
    return []
  }

  release(): void {
    // There is nothing to release: no batch was made.
  }

  /** Since the last `clear`. */
  get counted(): Counted {
    const partitions = this.#options.hasPartitions ? this.#partitions : null
    return { bytes: this.#bytes, partitions, samples: this.#samples }
  }

  clear(): void {
    this.#bytes = 0
    this.#partitions = Array.from({ length: this.#options.partitions }, () => 0)
    this.#samples = []
  }

  #sampleOf(
    partition: number,
    { key, keyLength, value, valueLength }: MessageParts,
  ): PreviewedMessage {
    const { hasPartitions, keyText, valueText } = this.#options
    const shown = (text: string): string => cutText(text, mostShown)
    return {
      partition: hasPartitions || keyLength < 0 ? partition : null,
      key: keyLength < 0 ? null : shown(keyText(key.subarray(0, keyLength))),
      value: valueLength < 0 ? null : shown(valueText(value.subarray(0, valueLength))),
    }
  }
}
