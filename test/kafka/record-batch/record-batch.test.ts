import fc from 'fast-check'
import kafkajs from 'kafkajs'
import Decoder from 'kafkajs/src/protocol/decoder.js'
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js'
import decodeBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js'
import kafkajsBatch from 'kafkajs/src/protocol/recordBatch/v0/index.js'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  BatchEncoder,
  encodeHeaders,
  encodeHeadersBefore,
} from '../../../kafka/record-batch/batch-encoder.ts'
import { type KafkaMessage, MessageCursor } from '../../../kafka/record-batch/message-cursor.ts'
import {
  anonymous,
  BrokenBatchError,
  encodeBatch,
  readBatches,
} from '../../../kafka/record-batch/record-batch.ts'

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: () => Promise.reject(new Error('not needed')),
  decompress: promisify(zstdDecompress),
})

const bytes = fc.uint8Array({ maxLength: 300, size: 'max' }).map((array) => Buffer.from(array))
const headers = fc.dictionary(
  // kafkajs's decoder takes what every object inherits for a header that was there before.
  fc.string({ unit: 'grapheme', maxLength: 70 }).filter((name) => !(name in {})),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  { maxKeys: 5 },
)
const message = fc.record({ key: fc.option(bytes), value: fc.option(bytes), headers })
const producer = fc.record({
  id: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  epoch: fc.nat(32_767),
  sequence: fc.nat(2 ** 31 - 1),
  transactional: fc.boolean(),
})

test("writes batches that kafkajs's decoder reads", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 200 }),
      producer,
      async (messages, by) => {
        const encoder = new BatchEncoder(16)
        for (const { headers: some, ...parts } of messages)
          encoder.message({
            ...parts,
            value: parts.value === null ? null : [parts.value],
            headers: encodeHeaders(some),
          })
        expect(encoder.count).toBe(messages.length)
        const timestampMs = 1_700_000_000_000
        const batch = Buffer.concat(await encodeBatch(encoder, { producer: by, timestampMs }))
        const read = await decodeBatch(new Decoder(batch))
        expect(read).toMatchObject({
          lastOffsetDelta: messages.length - 1,
          firstTimestamp: String(timestampMs),
          maxTimestamp: String(timestampMs),
          producerId: by.id.toString(),
          producerEpoch: by.epoch,
          firstSequence: by.sequence,
          inTransaction: by.transactional,
          isControlBatch: false,
        })
        expect(read.records.map(({ key, value, offset }) => ({ key, value, offset }))).toEqual(
          messages.map(({ key, value }, offset) => ({ key, value, offset: String(offset) })),
        )
        for (const [index, record] of read.records.entries()) {
          expect(record.timestamp).toBe(String(timestampMs))
          const text = new Map(
            Object.entries(record.headers).map(([name, value]) => [name, String(value)] as const),
          )
          expect(text).toEqual(new Map(Object.entries(messages[index]?.headers ?? {})))
        }
      },
    ),
    { numRuns: 50 },
  )
})

test("reads batches that kafkajs's encoder writes, plain and compressed", async () => {
  const nullable = fc.record({ key: fc.option(bytes), value: fc.option(bytes), headers })
  await fc.assert(
    fc.asyncProperty(
      fc.array(nullable, { minLength: 1, maxLength: 100 }),
      fc.constantFrom(kafkajs.CompressionTypes.None, kafkajs.CompressionTypes.GZIP),
      fc.nat(120),
      async (messages, compression, from) => {
        const batch = await batchOfKafkajs(messages, compression)
        const [read, ...others] = readBatches(
          Buffer.concat([batch, batch.subarray(0, Math.min(70, batch.length - 1))]),
        )
        if (read === undefined) throw new Error('no batch')
        expect(others).toEqual([])
        expect(read).toMatchObject({ producerId: 7n, transactional: true, control: false })
        expect(read.lastOffset).toBe(BigInt(messages.length - 1))
        const wanted = messages.map((some, offset) => ({
          ...some,
          offset: BigInt(offset),
          headers: new Map(Object.entries(some.headers)),
        }))
        expect(all(await MessageCursor.open(read, BigInt(from)))).toEqual(wanted.slice(from))
      },
    ),
    { numRuns: 50 },
  )
})

test('writes the parts of buffers as the message that they are, in as many bytes as it says', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 200 }), (messages) => {
      const asParts = new BatchEncoder(16)
      const asMessages = new BatchEncoder(16)
      for (const { key, value, headers: some } of messages) {
        const encoded = encodeHeaders(some)
        asMessages.message({ key, value: value === null ? null : [value], headers: encoded })
        const parts = {
          key: Buffer.concat([key ?? Buffer.of(), Buffer.from('more')]),
          keyLength: key?.length ?? -1,
          value: Buffer.concat([value ?? Buffer.of(), Buffer.from('more')]),
          valueLength: value?.length ?? -1,
          headers: encoded,
        }
        const wanted = asParts.bytes.length + asParts.sizeOf(parts)
        asParts.parts(parts)
        expect(asParts.bytes.length).toBe(wanted)
      }
      expect(asParts.count).toBe(messages.length)
      expect(Buffer.from(asParts.bytes).equals(asMessages.bytes)).toBe(true)
    }),
  )
})

test('writes a run as the messages that it is made of', () => {
  const run = fc.record({
    records: fc.array(fc.record({ key: fc.option(bytes), value: bytes }), {
      minLength: 1,
      maxLength: 50,
    }),
    prefix: bytes,
    common: headers,
    firstNumber: fc.oneof(fc.nat(1_000), fc.constantFrom(9, 99, 999_999, 2 ** 32 - 3, 2 ** 52)),
    from: fc.nat(49),
  })
  fc.assert(
    fc.property(run, ({ records, prefix, common, firstNumber, from }) => {
      const asRun = new BatchEncoder(16)
      let end = 0
      const parts = {
        bytes: Buffer.concat(records.map(({ value }) => value)),
        ends: Uint32Array.from(records.map(({ value }) => (end += value.length))),
        keys: records.map(({ key }) => key),
        valuePrefix: prefix,
        headers: encodeHeadersBefore(common, 'the number'),
        firstNumber,
      }
      const cut = Math.min(from, records.length)
      asRun.run(parts, 0, cut)
      asRun.run(parts, cut, records.length)
      const asMessages = new BatchEncoder(16)
      for (const [index, { key, value }] of records.entries()) {
        const encoded = encodeHeaders({ ...common, 'the number': String(firstNumber + index) })
        asMessages.message({ key, value: [prefix, value], headers: encoded })
      }
      expect(asRun.count).toBe(asMessages.count)
      expect(Buffer.from(asRun.bytes).equals(asMessages.bytes)).toBe(true)
    }),
  )
})

test('refuses a batch of which any bit is wrong', async () => {
  const batch = await oneMessage()
  fc.assert(
    fc.property(fc.integer({ min: 21, max: batch.length - 1 }), fc.nat(7), (position, bit) => {
      const broken = Buffer.from(batch)
      broken[position] = (broken[position] ?? 0) ^ (1 << bit)
      expect(() => readBatches(broken)).toThrow('its checksum is wrong')
    }),
  )
})

test('refuses the message formats before Kafka 0.11', async () => {
  const old = await oneMessage()
  old.writeInt8(1, 16)
  expect(() => readBatches(old)).toThrow(BrokenBatchError)
})

test('refuses messages that are cut or lie about their lengths, and ends', async () => {
  const encoder = new BatchEncoder(16)
  for (let index = 0; index < 3; index++) {
    const value = Buffer.from('some value')
    encoder.message({
      key: Buffer.from('key'),
      value: [value],
      headers: encodeHeaders({ name: 'text' }),
    })
  }
  const whole = Buffer.from(encoder.bytes)
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (position, value) => {
      const body = Buffer.from(whole)
      body[position] = value
      const cursor = await MessageCursor.open(plainBatch(body, 3), 0n)
      try {
        expect(all(cursor).length).toBeLessThanOrEqual(3)
      } catch (error) {
        expect(error).toBeInstanceOf(BrokenBatchError)
      }
    }),
  )
  const cut = await MessageCursor.open(plainBatch(whole.subarray(0, -1), 3), 0n)
  expect(() => all(cut)).toThrow('its messages are cut')
})

test('has no messages where compaction has left an empty batch', async () => {
  expect(
    all(await MessageCursor.open({ ...plainBatch(Buffer.alloc(0), 0), codec: 4 }, 0n)),
  ).toEqual([])
})

function plainBatch(body: Buffer, count: number): Parameters<typeof MessageCursor.open>[0] {
  return {
    baseOffset: 0n,
    lastOffset: BigInt(count),
    codec: 0,
    transactional: false,
    control: false,
    producerId: -1n,
    producerEpoch: 0,
    count,
    checksum: 0,
    body,
  }
}

async function oneMessage(): Promise<Buffer> {
  const encoder = new BatchEncoder(16)
  encoder.message({ key: null, value: [Buffer.from('value')], headers: encodeHeaders({}) })
  return Buffer.concat(await encodeBatch(encoder, { producer: anonymous, timestampMs: 0 }))
}

async function batchOfKafkajs(
  messages: readonly {
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: Readonly<Record<string, string>>
  }[],
  compression: number,
): Promise<Buffer> {
  const records = messages.map((some, offsetDelta) =>
    encodeRecord({ ...some, offsetDelta, timestampDelta: offsetDelta * 1_000 }),
  )
  const batch = await kafkajsBatch.RecordBatch({
    compression,
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_000,
    lastOffsetDelta: messages.length - 1,
    transactional: true,
    producerId: '7',
    producerEpoch: 1,
    firstSequence: 5,
    records,
  })
  return batch.buffer
}

function all(cursor: MessageCursor): KafkaMessage[] {
  const messages: KafkaMessage[] = []
  while (cursor.next()) messages.push(cursor.message())
  return messages
}

test.each([
  ['a small batch as it is', 500, 0],
  ['a larger one compressed', 2_000, 4],
])('writes %s', async (_, length, codec) => {
  const encoder = new BatchEncoder(16)
  const value = Buffer.alloc(length, 'a')
  encoder.message({ key: null, value: [value], headers: encodeHeaders({}) })
  const written = await encodeBatch(encoder, { producer: anonymous, timestampMs: 0 })
  // It is the batch's own: the encoder's bytes are used again.
  encoder.restart(16)
  encoder.message({ key: null, value: [Buffer.alloc(length, 'b')], headers: encodeHeaders({}) })
  const [batch] = readBatches(Buffer.concat(written))
  if (batch === undefined) throw new Error('no batch')
  expect(batch.codec).toBe(codec)
  const cursor = await MessageCursor.open(batch, 0n)
  expect(cursor.next()).toBe(true)
  expect(cursor.message().value).toEqual(value)
})
