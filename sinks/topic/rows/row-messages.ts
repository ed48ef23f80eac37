import {
  BatchEncoder,
  encodeHeaders,
  mostBytesOf,
  type MessageParts,
} from '../../../kafka/record-batch/batch-encoder.ts'
import type { RecordBlock } from '../../sink.ts'
import { rowHeadersOf } from '../topic-messages.ts'
import { AvroMessages } from './avro-messages.ts'
import { JsonMessages } from './json-messages.ts'
import type { MessageWriter, Written } from './message-writer.ts'
import { partitionOf } from './murmur2.ts'
import { type MessageBatches, PartitionBatches } from './partition-batches.ts'
import { rowColumns, type RowColumns } from './row-columns.ts'
import type { RejectedRow, RowBatch, RowMessagesOptions, WrittenRows } from './row-options.ts'
import { WireRecord } from './wire-record.ts'

const noBytes = Buffer.alloc(0)
/** A key that is longer does not name a record: it may be what made the message too large. */
const maxNameLength = 8_192

/**
 * Makes messages of a topic from blocks of records, bytes to bytes, without an object a row in the usual
 * case.
 *
 * Usage: `write` blocks; when `pendingBytes` is large enough, `take` the batches and send them in their
 * order; `release` each one when it was sent (its bytes are used again from then on). Columns change: a new
 * RowMessages. Roll back: `clear`.
 *
 * Measured 2026-11-28 on two shared, busy cores, with a key and 6 partitions: a row of 6 columns takes 1.1 us
 * as Avro and 4.1 us as JSON, one of 12 columns (172 bytes on the wire) at most 2.5 us and 3.4 us. The whole
 * program, source included: 8.6 us of CPU a row in JSON (1,000,000 rows of 12 columns, 127,000 rows/s); a
 * second lane makes it no faster on two cores, which the program, PostgreSQL and the broker share.
 */
export class RowMessages {
  readonly #options: RowMessagesOptions
  readonly #columns: RowColumns
  readonly #record: WireRecord
  readonly #writer: MessageWriter
  readonly #batches: MessageBatches
  readonly #message: MessageParts
  /** To measure a message that stands alone. */
  readonly #alone = new BatchEncoder(0)
  #rejected: RejectedRow[] = []

  /** Throws a ConnectError as `messageSchemas` does. `batches`: of a preview, which sends none. */
  constructor(options: RowMessagesOptions, batches?: MessageBatches) {
    const { columns, format, partitions, maxMessageBytes, syncId, generationId } = options
    this.#options = options
    this.#columns = rowColumns(options)
    this.#record = new WireRecord(columns)
    this.#writer =
      format.encoding === 'json'
        ? new JsonMessages(options, this.#columns, this.#record)
        : new AvroMessages(options, this.#columns)
    this.#batches = batches ?? new PartitionBatches(partitions, { maxMessageBytes, turn: syncId })
    const headers = encodeHeaders(rowHeadersOf({ syncId, generationId }))
    this.#message = { key: noBytes, keyLength: -1, value: noBytes, valueLength: -1, headers }
  }

  /** Bytes of messages that wait for `take`, uncompressed. */
  get pendingBytes(): number {
    return this.#batches.pendingBytes
  }

  /** Makes the messages of a block: its bytes are free again when it returns. */
  write(block: RecordBlock): WrittenRows {
    const record = this.#record
    let rows = 0
    let deleted = 0
    record.open(block)
    while (record.next()) {
      const outcome = this.#write()
      if (outcome === 'row') rows += 1
      else if (outcome === 'deleted') deleted += 1
    }
    const rejected = this.#rejected
    if (rejected.length > 0) this.#rejected = []
    return { rows, deleted, rejected }
  }

  /**
   * All messages since the last time, in the order in which the messages of a key are to be written. No batch
   * is larger than the topic takes.
   */
  take(): readonly RowBatch[] {
    return this.#batches.take()
  }

  /** The bytes of a batch that was taken are not needed any more. */
  release(batch: RowBatch): void {
    this.#batches.release(batch)
  }

  /** Forgets what was written since the last `take`. */
  clear(): void {
    for (const batch of this.take()) this.release(batch)
  }

  #write(): 'row' | 'deleted' | 'rejected' {
    if (!this.#setKey()) return 'rejected'
    const isDeleted = this.#isDeleted()
    const hasDeleteEvents = this.#options.format.envelope === 'debezium'
    if (isDeleted && !hasDeleteEvents) return this.#add(null) ? 'deleted' : 'rejected'
    const value = this.#writer.value(this.#record, isDeleted ? 'delete' : 'write')
    if (!this.#add(value)) return 'rejected'
    if (!isDeleted) return 'row'
    // Smaller than the message before it.
    this.#add(null)
    return 'deleted'
  }

  /** False: the record is rejected. */
  #setKey(): boolean {
    const message = this.#message
    message.keyLength = -1
    const { key, needsKey } = this.#columns
    if (key === undefined) return true
    if (!this.#hasKey(key)) return this.#refuseKey(needsKey, this.#noKey(key))
    const written = this.#writer.key(this.#record)
    if ('unfit' in written) return this.#refuseKey(needsKey, this.#unfitKey(written.unfit))
    message.key = written.bytes
    message.keyLength = written.length
    return true
  }

  /** A null in one of several fields of a key is a value like any other. */
  #hasKey(key: readonly number[]): boolean {
    const { columns } = this.#options
    for (const column of key) {
      if (this.#record.hasValue(column, columns[column]?.name ?? '')) return true
    }
    return false
  }

  #isDeleted(): boolean {
    const { deletedAt } = this.#columns
    if (deletedAt === undefined) return false
    return this.#record.hasValue(deletedAt, this.#options.columns[deletedAt]?.name ?? '')
  }

  /** If rows are only appended, a message may lack its key. */
  #refuseKey(needsKey: boolean, reason: string): boolean {
    if (needsKey) this.#reject(reason)
    return !needsKey
  }

  #noKey(key: readonly number[]): string {
    const names = key.map((column) => this.#options.columns[column]?.name ?? '')
    return `it has no primary key: ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} NULL or missing`
  }

  #unfitKey(name: string): string {
    const kind = this.#options.columns.find((column) => column.name === name)?.kind ?? ''
    return `its primary key does not fit: column ${name} (${kind}) cannot hold the value`
  }

  /** False if the message is too large: the record is rejected. */
  #add(value: Written | null): boolean {
    const message = this.#message
    message.value = value?.bytes ?? noBytes
    message.valueLength = value?.length ?? -1
    if (mostBytesOf(message) > this.#batches.maxBytes) {
      const bytes = this.#alone.sizeOf(message)
      if (bytes > this.#batches.maxBytes) {
        this.#reject(this.#tooLarge(bytes))
        return false
      }
    }
    const { keyLength } = message
    const partition =
      keyLength < 0
        ? this.#batches.turn
        : partitionOf(message.key, keyLength, this.#options.partitions)
    this.#batches.add(partition, message)
    return true
  }

  #tooLarge(bytes: number): string {
    const { topic, maxMessageBytes } = this.#options
    const limit = String(this.#batches.maxBytes)
    return `message of ${String(bytes)} bytes is larger than the ${limit} bytes that topic ${topic} accepts: raise its \`max.message.bytes\`, which is ${String(maxMessageBytes)}`
  }

  #reject(reason: string): void {
    const { slice, seq } = this.#record
    const { key } = this.#columns
    const named = key && this.#record.json(key)
    this.#rejected.push({
      slice,
      seq,
      reason,
      ...(named !== undefined && named.length <= maxNameLength && { key: named }),
    })
  }
}
