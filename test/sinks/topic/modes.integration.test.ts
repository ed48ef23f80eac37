import { expect, test } from 'vitest'
import {
  createTopic,
  dataOf,
  newestRows,
  openDestination,
  policyOf,
  readTopic,
  syncOnce,
  topicStream,
  topicTest,
} from './topic-support.ts'
import { longTest, usually } from '../../support/long.ts'

const rows = (from: number, to: number, body = 'a'): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body }))

test('append adds all rows of every run, without a key if the stream has none', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append', key: [] })
  await syncOnce(target, sink, rows(1, 50))
  await syncOnce(target, sink, rows(1, 50))
  const messages = await readTopic(target.place, target.topic)
  expect(messages.every(({ key }) => key === null)).toBe(true)
  const found = dataOf(messages.map(({ value }) => value)).map((row) => JSON.stringify(row))
  const wanted = [...rows(1, 50), ...rows(1, 50)].map((row) => JSON.stringify(row))
  expect(found.toSorted()).toEqual(wanted.toSorted())
  expect(await policyOf(target.place, target.topic)).toBe('delete')
})

test('append_dedup writes the newest row of each key, always into the same partition', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup' })
  await syncOnce(target, sink, rows(1, 60))
  await syncOnce(target, sink, [...rows(31, 90, 'b'), ...rows(31, 40, 'c')])
  const messages = await readTopic(target.place, target.topic)
  expect(messages).toHaveLength(60 + 70)
  expect(new Set(messages.map(({ partition }) => partition)).size).toBe(3)
  expect(dataOf(newestRows(messages))).toEqual([
    ...rows(1, 30),
    ...rows(31, 40, 'c'),
    ...rows(41, 90, 'b'),
  ])
  expect(await policyOf(target.place, target.topic)).toBe('compact')
})

test.each(usually(1, ['overwrite', 'overwrite_dedup'] as const))(
  '%s deletes the keys that the new generation does not have, and no others',
  async (mode) => {
    const target = topicTest()
    const sink = topicStream(target, { mode })
    const first = await syncOnce(target, sink, rows(1, 40))
    expect(first.begun.generationId).toBe(1)
    const second = await syncOnce(target, sink, rows(21, 60, 'b'))
    expect(second.begun.generationId).toBe(2)
    const messages = await readTopic(target.place, target.topic)
    expect(dataOf(newestRows(messages))).toEqual(rows(21, 60, 'b'))
    const tombstones = messages.filter(({ value }) => value === null)
    expect(tombstones).toHaveLength(20)
    expect(tombstones.map(({ headers }) => headers.get('connect-generation'))).toEqual(
      Array.from({ length: 20 }, () => '2'),
    )
    expect(tombstones.map(({ headers }) => headers.get('connect-sync'))).toEqual(
      Array.from({ length: 20 }, () => String(second.begun.syncId)),
    )
    // A row that was deleted once is not deleted again.
    await syncOnce(target, sink, rows(21, 60, 'c'))
    const third = await readTopic(target.place, target.topic)
    expect(third.filter(({ value }) => value === null)).toHaveLength(20)
    expect(dataOf(newestRows(third))).toEqual(rows(21, 60, 'c'))
  },
)

longTest('an overwrite leaves messages alone that somebody else wrote', async () => {
  const target = topicTest()
  await createTopic(target.place, target.topic, { policy: 'compact' })
  const { kafkaClient } = await import('../../../kafka/kafka-client.ts')
  const { silent } = await import('../../support/logger.ts')
  const producer = kafkaClient(target.place.servers, silent).producer()
  await producer.connect()
  const messages = [{ key: 'theirs', value: '"theirs"' }]
  await producer.send({ topic: target.topic, messages })
  await producer.disconnect()
  const sink = topicStream(target, { mode: 'overwrite_dedup' })
  await syncOnce(target, sink, rows(1, 3))
  await syncOnce(target, sink, rows(2, 3))
  const read = await readTopic(target.place, target.topic)
  expect(newestRows(read)).toContain('theirs')
  expect(read.filter(({ value }) => value === null)).toHaveLength(1)
})

test.each(usually(1, ['overwrite', 'overwrite_dedup', 'append_dedup'] as const))(
  '%s is refused without a primary key',
  async (mode) => {
    const target = topicTest()
    await using destination = openDestination(target)
    await destination.check()
    const start = await destination.startRun(target.connection)
    const sink = topicStream(target, { mode, key: [] })
    await expect(destination.begin(sink, start)).rejects.toMatchObject({
      code: 'destination_mode_unsupported',
    })
  },
)

test('a stream that was loaded by its key is not appended because the key is gone', async () => {
  const target = topicTest()
  await syncOnce(target, topicStream(target, { mode: 'append_dedup' }), rows(1, 3))
  const sink = { ...topicStream(target, { mode: 'append', key: [] }), isDefaultMode: true }
  await expect(syncOnce(target, sink, rows(1, 3))).rejects.toMatchObject({
    code: 'destination_key_lost',
  })
})

test('rows of another key are refused in append_dedup, and replaced by an overwrite', async () => {
  const target = topicTest()
  await syncOnce(target, topicStream(target, { mode: 'append_dedup' }), rows(1, 3))
  const other = topicStream(target, { mode: 'append_dedup', key: ['body'] })
  await expect(syncOnce(target, other, rows(1, 3))).rejects.toMatchObject({
    code: 'destination_topic_key_changed',
  })
  const overwrite = topicStream(target, { mode: 'overwrite_dedup', key: ['body'] })
  await syncOnce(target, overwrite, [{ id: 1, body: 'x' }])
  expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual([
    { id: 1, body: 'x' },
  ])
  await syncOnce(target, other, [{ id: 2, body: 'y' }])
})

test('a row that the source marks as deleted becomes a tombstone', async () => {
  const target = topicTest()
  const sink = {
    ...topicStream(target, { mode: 'append_dedup' }),
    columns: [
      { name: 'id', kind: 'integer' },
      { name: '_ab_cdc_deleted_at', kind: 'string' },
    ] as const,
  }
  await syncOnce(target, sink, [{ id: 1 }, { id: 2 }])
  await syncOnce(target, sink, [{ id: 1, _ab_cdc_deleted_at: '2026-01-01' }])
  const messages = await readTopic(target.place, target.topic)
  expect(messages.filter(({ value }) => value === null)).toHaveLength(1)
  expect(newestRows(messages)).toHaveLength(1)
})
