import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import type { EncodedMessages } from '../../../kafka/record-batch/record-batch.ts'
import { type CheckpointRecord, keyOf } from './records.ts'

/** A message of one of our own topics. A null value deletes the key. */
export interface OwnMessage {
  readonly key: string
  readonly value: string | null
}

/** A batch ends after the message that fills it, so that only a large message makes a large batch. */
const maxBatchBytes = 512 * 1024
/** The size of a message without its key and value. */
const framingBytes = 32
const noHeaders = encodeHeaders({})

export function checkpointMessage(record: CheckpointRecord): OwnMessage {
  const { value } = record
  return { key: keyOf(record), value: value === null ? null : JSON.stringify(value) }
}

/** The messages in their order, as batches for one partition. */
export function ownBatches(messages: readonly OwnMessage[]): readonly EncodedMessages[] {
  const batches: BatchEncoder[] = []
  let bytes = maxBatchBytes
  for (const message of messages) {
    const key = Buffer.from(message.key)
    const value = message.value === null ? null : Buffer.from(message.value)
    if (bytes >= maxBatchBytes) {
      batches.push(new BatchEncoder(framingBytes + key.length + (value?.length ?? 0)))
      bytes = 0
    }
    batches.at(-1)?.message({ key, value: value && [value], headers: noHeaders })
    bytes += framingBytes + key.length + (value?.length ?? 0)
  }
  return batches
}
