import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wireSchema } from '../../../../protocol/avro/avro-schema.ts'
import { gatherRecords } from '../../../../engine/log/kafka/gather-records.ts'
import { messagesOf } from '../../../../engine/log/kafka/lane-messages.ts'
import { parseMessage } from '../../../../engine/log/kafka/parse-message.ts'
import { BatchEncoder } from '../../../../kafka/record-batch/batch-encoder.ts'
import { MessageCursor } from '../../../../kafka/record-batch/message-cursor.ts'
import type { LogEntry, LogRecords } from '../../../../engine/log/stream-log.ts'
import { sampleColumns, sampleRecords, sampleStream } from '../sample-records.ts'

const maker = {
  stream: sampleStream,
  partition: 0,
  framing: 'record',
  syncId: 1,
  attempt: 1,
} as const
const schema = wireSchema(sampleStream, sampleColumns)
const lane = { topic: 'topic', partition: 0 }

test('gives back the records of a run as one entry', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2_000),
      fc.integer({ min: 1, max: 200 }),
      fc.nat(500),
      async (seq, count, nameBytes) => {
        const records = sampleRecords('s', { seq, count, nameBytes })
        const wanted = Buffer.from(records.bytes)
        const [first, ...others] = await gathered([{ entry: records }])
        expect(others).toEqual([])
        expect(first).toMatchObject({ type: 'records', slice: 's', seq, count })
        expect(wanted.equals(first?.bytes ?? Buffer.alloc(0))).toBe(true)
      },
    ),
    { numRuns: 30 },
  )
})

test.each<[string, LogEntry, { readonly attempt?: number }]>([
  ['a gap', sampleRecords('s', { seq: 12, count: 5 }), {}],
  ['a repetition', sampleRecords('s', { seq: 9, count: 5 }), {}],
  ['another slice', sampleRecords('t', { seq: 10, count: 5 }), {}],
  ['a slice with a longer name', sampleRecords('s10', { seq: 10, count: 5 }), {}],
  ['another attempt', sampleRecords('s', { seq: 10, count: 5 }), { attempt: 2 }],
])('ends an entry before %s', async (_, entry, { attempt = 1 }) => {
  const entries = await gathered([
    { entry: sampleRecords('s', { seq: 0, count: 10 }) },
    { entry, attempt },
  ])
  expect(entries.map(({ count }) => count)).toEqual([10, 5])
  const all = Buffer.concat(entries.map(({ bytes }) => bytes))
  expect(all.subarray(-20).equals(lastBytes(entry, 20))).toBe(true)
})

test('ends an entry when it is as large as a block', async () => {
  const entries = await gathered([
    { entry: sampleRecords('s', { seq: 0, count: 800, nameBytes: 1_000 }) },
  ])
  expect(entries.length).toBeGreaterThan(2)
  let seq = 0
  for (const entry of entries) {
    expect(entry.seq).toBe(seq)
    expect(entry.bytes.length).toBeLessThan(300_000)
    seq += entry.count
  }
  expect(seq).toBe(800)
})

test('gives a record alone where its headers are in another order', async () => {
  const encoder = new BatchEncoder(16)
  const [plain] = messagesOf(sampleRecords('s', { seq: 0, count: 1 }), maker, {
    schema,
    writtenBefore: 0,
  })
  plain?.encode(encoder)
  const cursor = await cursorOf(encoder)
  cursor.next()
  const { headersStart, end } = cursor
  // The header `slice` becomes the last one: its name and value stand after `seq`.
  const headers = cursor.bytes.subarray(headersStart, end)
  const slice = headers.indexOf('slice') - 1
  const moved = Buffer.concat([
    headers.subarray(0, slice),
    headers.subarray(headers.indexOf('seq') - 1),
    headers.subarray(slice, headers.indexOf('seq') - 1),
  ])
  moved.copy(cursor.bytes, headersStart)
  const entry = parseMessage(cursor.message(), lane, { fingerprint: undefined })?.entry
  if (entry?.type !== 'records') throw new Error('no records')
  expect(gatherRecords(cursor, entry)).toMatchObject({ entry: { count: 1 }, stopped: false })
})

/** Returns a reader's result for a batch with these entries. */
async function gathered(
  entries: readonly { readonly entry: LogEntry; readonly attempt?: number }[],
): Promise<LogRecords[]> {
  const encoder = new BatchEncoder(1_000)
  for (const { entry, attempt = 1 } of entries) {
    const messages = messagesOf(entry, { ...maker, attempt }, { schema, writtenBefore: 0 })
    for (const some of messages) some.encode(encoder)
  }
  const cursor = await cursorOf(encoder)
  const found: LogRecords[] = []
  for (let more = cursor.next(); more;) {
    const entry = parseMessage(cursor.message(), lane, { fingerprint: undefined })?.entry
    if (entry?.type !== 'records') throw new Error('no records')
    const { entry: records, stopped } = gatherRecords(cursor, entry)
    found.push(records)
    more = stopped || cursor.next()
  }
  return found
}

async function cursorOf(encoder: BatchEncoder): Promise<MessageCursor> {
  const { count } = encoder
  return MessageCursor.open(
    {
      baseOffset: 0n,
      lastOffset: BigInt(count - 1),
      codec: 0,
      transactional: true,
      control: false,
      producerId: 1n,
      producerEpoch: 0,
      count,
      checksum: 0,
      body: Buffer.from(encoder.bytes),
    },
    0n,
  )
}

function lastBytes(entry: LogEntry, count: number): Buffer {
  return entry.type === 'records' ? Buffer.from(entry.bytes).subarray(-count) : Buffer.alloc(0)
}
