import avro, { type Schema, type Type } from 'avsc'
import { MessageCursor, type KafkaMessage } from '../../../../kafka/record-batch/message-cursor.ts'
import { anonymous, encodeBatch, readBatches } from '../../../../kafka/record-batch/record-batch.ts'
import type { ConfiguredAirbyteStream, JsonObject } from '../../../../protocol/index.ts'
import { RowMessages } from '../../../../sinks/topic/rows/row-messages.ts'
import type {
  RowFormat,
  RowMessagesOptions,
  WrittenRows,
} from '../../../../sinks/topic/rows/row-options.ts'
import type { RecordBlock } from '../../../../sinks/sink.ts'
import type { AnyStream } from './any-stream.ts'

export interface ReadMessage extends KafkaMessage {
  readonly partition: number
}

type SinkOptions = Partial<RowMessagesOptions['sink']> & { readonly primaryKey?: string[][] }

/** Options of stream shop.orders for the columns. */
export function optionsOf(
  columns: AnyStream['columns'],
  {
    format = { encoding: 'json', envelope: 'row' },
    sink: { primaryKey, ...sink } = {},
    ...more
  }: Omit<Partial<RowMessagesOptions>, 'sink' | 'format'> & {
    readonly sink?: SinkOptions
    readonly format?: RowFormat
  } = {},
): RowMessagesOptions {
  const stream: ConfiguredAirbyteStream = {
    stream: {
      name: 'orders',
      namespace: 'shop',
      json_schema: {},
      supported_sync_modes: ['full_refresh', 'incremental'],
    },
    sync_mode: 'incremental',
    destination_sync_mode: 'append',
    ...(primaryKey !== undefined && { primary_key: primaryKey }),
  }
  return {
    topic: 'shop.orders',
    sink: {
      connection: 'crm',
      stream,
      mode: primaryKey === undefined ? 'append' : 'append_dedup',
      metadata: 'minimal',
      deletes: 'hard',
      ...sink,
    },
    columns,
    format,
    lookup: 'fingerprint',
    partitions: 1,
    maxMessageBytes: 1_048_588,
    syncId: 3,
    generationId: 2,
    version: '1.2.3',
    ...more,
  }
}

/** The messages of a block, as a consumer reads them. */
export async function messagesOf(
  options: RowMessagesOptions,
  ...blocks: readonly RecordBlock[]
): Promise<{
  readonly messages: readonly ReadMessage[]
  readonly written: readonly WrittenRows[]
}> {
  const rows = new RowMessages(options)
  const written = blocks.map((block) => rows.write(block))
  return { messages: await takeMessages(rows), written }
}

export async function takeMessages(rows: RowMessages): Promise<readonly ReadMessage[]> {
  const messages: ReadMessage[] = []
  for (const batch of rows.take()) {
    const encoded = await encodeBatch(batch, { producer: anonymous, timestampMs: 0 })
    rows.release(batch)
    for (const read of readBatches(Buffer.concat(encoded))) {
      const cursor = await MessageCursor.open(read, 0n)
      while (cursor.next()) messages.push({ ...cursor.message(), partition: batch.partition })
    }
  }
  return messages
}

export function jsonIn(bytes: Buffer | null | undefined): JsonObject {
  return JSON.parse(String(bytes)) as JsonObject
}

/**
 * A datum of our schemas, longs exact. The overflow map is read as pairs: avsc's maps lose the key
 * `__proto__`.
 */
export function avroReader(schema: unknown): (datum: Buffer) => Record<string, unknown> {
  const document = JSON.parse(JSON.stringify(schema), (_key, part: unknown) =>
    isMap(part) ? { type: 'array', items: entryOf(part.values) } : part,
  ) as Schema
  const long = exactLong()
  const type = avro.Type.forSchema(document, {
    typeHook: (wanted) =>
      wanted === 'long' ||
      (typeof wanted === 'object' && 'type' in wanted && wanted.type === 'long')
        ? long
        : undefined,
  })
  return (datum) => type.fromBuffer(datum) as Record<string, unknown>
}

function isMap(part: unknown): part is { readonly values: unknown } {
  return typeof part === 'object' && part !== null && 'type' in part && part.type === 'map'
}

function entryOf(values: unknown): unknown {
  return {
    type: 'record',
    name: 'Entry',
    fields: [
      { name: 'key', type: 'string' },
      { name: 'value', type: values },
    ],
  }
}

function exactLong(): Type {
  return avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => {
      const value = buffer.readBigInt64LE()
      return Number.isSafeInteger(Number(value)) ? Number(value) : value
    },
    toBuffer: (value: number | bigint) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigInt64LE(BigInt(value))
      return buffer
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
    compare: (left: number | bigint, right: number | bigint) =>
      Number(left > right) - Number(left < right),
  })
}
