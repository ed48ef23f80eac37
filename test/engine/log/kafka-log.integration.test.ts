import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import avro from 'avsc'
import kafkajs, { type Admin, type Kafka, type KafkaMessage } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { KafkaConnection } from '../../../kafka/kafka-connection.ts'
import { KafkaLog } from '../../../engine/log/kafka/kafka-log.ts'
import { KafkaWriter } from '../../../engine/log/kafka/kafka-writer.ts'
import { openLaneReader } from '../../../engine/log/lane.ts'
import { largestRecordBytes } from '../../../protocol/index.ts'
import { topicName } from '../../../engine/log/kafka/topic-names.ts'
import type {
  AnnouncedAttempt,
  KafkaAddress,
  LaneEndpoint,
  LogEntry,
} from '../../../engine/log/stream-log.ts'
import { createServedTopic, startKafka, testKafka } from '../../support/kafka.ts'
import { readTopic, type ReadMessage } from '../../support/read-topic.ts'
import {
  append,
  checkpoint,
  expectContiguous,
  keysUpTo,
  openLane,
  openWriter,
  readAll,
  startReader,
  startWriter,
} from './lanes.ts'
import { sampleColumns, sampleRecords, sampleStream } from './sample-records.ts'
import { silent as logger } from '../../support/logger.ts'
import { longTest, usually } from '../../support/long.ts'

const sliceA = { slice: 'a', from: 0, to: 1_000, unit: 300, block: 70 }
const sliceB = { ...sliceA, slice: 'b' }
const ids = { syncId: 1, attempt: 1 }

const framings = ['kafka block', 'kafka record'] as const

// Concurrent, as all that follow: they wait most of the time, for threads that start, for what does not come,
// or may come back, or is gone.
describe.concurrent.each(usually(1, framings))(
  'a lane of the %s log',
  { timeout: 120_000 },
  (kind) => {
    test('shows a unit as a whole or not at all', async () => {
      const { endpoint } = await openLane(kind)
      await using writer = await openWriter(endpoint)
      await using reader = await openLaneReader(endpoint.reader.address, {}, logger)
      await append(writer, unit({ seq: 0, count: 10 }))
      await writer.append(sampleRecords('', { seq: 10, count: 10 }))
      await writer.flush()
      expect(await take(reader, 3)).toEqual(['begin', 'records', 'state'])
      const nothing = reader.next(AbortSignal.timeout(1_000))
      expect(await nothing).toBeUndefined()
      await writer.append({ type: 'state', slice: '', seq: 20, count: 10, state: {} })
      await writer.flush()
      expect(await take(reader, 2)).toEqual(['records', 'state'])
    })

    test('goes on, after a writer that was killed, from the states in the log, though no sink has read them', async () => {
      const { endpoint } = await openLane(kind)
      const dead = startWriter(endpoint, {
        slices: [sliceA, sliceB],
        then: 'exit',
        stopAfter: 1_600,
      })
      await dead.exited
      const slices = [sliceA, sliceB]
      const writer = startWriter(endpoint, { slices, attempt: 2 })
      const resume = await writer.resumed
      expect(resume.from).toBe('log')
      expect(resume.slices).toMatchObject([
        { slice: 'a', seq: 1_000, complete: true },
        { slice: 'b', seq: 600, complete: false, state: { at: 600 } },
      ])
      expect(await writer.done).toEqual({ records: 400 })
      const reader = startReader(endpoint, { from: { attempt: 2 } })
      expect(await reader.done).toEqual({ records: 2_000 })
      for (const slice of ['a', 'b']) {
        expectContiguous(reader.seen.filter((entry) => entry.slice === slice))
      }
    })

    test('fences a writer that is no longer the newest, and hides its open unit', async () => {
      const { endpoint } = await openLane(kind)
      await using zombie = await openWriter(endpoint, { slices: [checkpoint('', 0)] })
      await append(zombie, unit({ seq: 0, count: 10 }))
      await zombie.flush()
      await append(zombie, [sampleRecords('', { seq: 10, count: 10 })])
      await using heir = await openWriter(endpoint, { attempt: 2, slices: [checkpoint('', 0)] })
      expect(heir.resume).toMatchObject({ from: 'log', slices: [{ seq: 10 }] })
      const flushed = async (): Promise<void> => {
        await zombie.append({ type: 'state', slice: '', seq: 20, count: 10, state: {} })
        await zombie.flush()
      }
      await expect(flushed()).rejects.toMatchObject({ code: 'fenced' })
      await expect(zombie.append({ type: 'close', attempt: 1, records: 20 })).rejects.toMatchObject(
        {
          code: 'fenced',
        },
      )
      await append(heir, [
        { type: 'begin', syncId: 1, attempt: 2, slice: '', seq: 10, columns: sampleColumns },
        ...unit({ seq: 10, count: 5 }).slice(1),
        { type: 'close', attempt: 2, records: 5 },
      ])
      await heir.flush()
      const entries = await readAll(endpoint, { attempt: 2 })
      expect(countRecords(entries)).toBe(15)
    })

    longTest(
      'commits a unit that stays open in part; after a crash a begin tells where its orphans start',
      async () => {
        const { endpoint } = await openLane(kind)
        await using dying = await KafkaWriter.open(
          kafkaAddress(endpoint),
          { ...ids, attemptKeys: keysUpTo(1), columns: sampleColumns, slices: [checkpoint('', 0)] },
          { logger, bounds: { queueBytes: 2_000, unitMs: 50 } },
        )
        await append(dying, unit({ seq: 0, count: 10 }))
        await using reader = await openLaneReader(endpoint.reader.address, { attempt: 2 }, logger)
        expect(await take(reader, 3)).toEqual(['begin', 'records', 'state'])
        await append(dying, [sampleRecords('', { seq: 10, count: 100 })])
        const orphans = await reader.next(AbortSignal.timeout(10_000))
        expect(orphans?.entry).toMatchObject({ type: 'records', seq: 10 })
        await using writer = await openWriter(endpoint, { attempt: 2, slices: [checkpoint('', 0)] })
        expect(writer.resume).toMatchObject({ from: 'log', slices: [{ seq: 10 }] })
        await append(writer, [
          { type: 'begin', syncId: 1, attempt: 2, slice: '', seq: 10, columns: sampleColumns },
          ...unit({ seq: 10, count: 5 }).slice(1),
          { type: 'close', attempt: 2, records: 5 },
        ])
        await writer.flush()
        const rest: LogEntry[] = []
        const { signal } = new AbortController()
        for (
          let item = await reader.next(signal);
          item !== undefined;
          item = await reader.next(signal)
        ) {
          rest.push(item.entry)
        }
        const begin = rest.findIndex(({ type }) => type === 'begin')
        expect(rest[begin]).toMatchObject({ seq: 10, attempt: 2 })
        expect(countRecords(rest.slice(begin))).toBe(5)
      },
    )

    test('shows a read_committed consumer that is not ours each record once, and the schema to decode it by', async () => {
      const { endpoint } = await openLane(kind)
      await startWriter(endpoint, { slices: [sliceA, sliceB], then: 'exit', stopAfter: 1_600 })
        .exited
      expect(await startWriter(endpoint, { slices: [sliceA, sliceB], attempt: 2 }).done).toEqual({
        records: 400,
      })
      const { topic, schemasTopic } = kafkaAddress(endpoint)
      const messages = await consumeUntil(topic, (seen) =>
        seen.some((message) => header(message, 'type') === 'CLOSE'),
      )
      const wanted = new Set<string>()
      for (const { value } of messages.filter((message) => header(message, 'type') === 'RECORD')) {
        wanted.add(value?.readBigUInt64LE(2).toString(16).padStart(16, '0') ?? '')
      }
      const schemas = new Map<string, avro.Type>()
      await consumeUntil(schemasTopic, (seen) => {
        for (const { key, value } of seen) {
          if (wanted.has(String(key))) {
            schemas.set(String(key), avro.Type.forSchema(JSON.parse(String(value)) as avro.Schema))
          }
        }
        return [...wanted].every((fingerprint) => schemas.has(fingerprint))
      })
      const keys = messages.flatMap(({ key }) => (key === null ? [] : [key.toString()]))
      expect(keys.length).toBe(kind === 'kafka record' ? 2_000 : 0)
      if (kind === 'kafka record') expect(keys[7]).toBe('[7]')
      const ids = messages
        .filter((message) => header(message, 'type') === 'RECORD')
        .map((message) => [header(message, 'slice'), decode(message, schemas)] as const)
      for (const slice of ['a', 'b']) {
        const ofSlice = ids.filter(([name]) => name === slice).flatMap(([, values]) => values)
        expect(ofSlice).toEqual(Array.from({ length: 1_000 }, (_, index) => index))
      }
    })

    test('refuses a foreign message, and names its offset', async () => {
      const { endpoint } = await openLane(kind)
      await using writer = await openWriter(endpoint)
      await append(writer, unit({ seq: 0, count: 10 }))
      await writer.flush()
      const { topic } = kafkaAddress(endpoint)
      const producer = client().producer({
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      })
      await producer.connect()
      const [sent] = await producer.send({ topic, messages: [{ value: '{"not": "ours"}' }] })
      await producer.disconnect()
      await using reader = await openLaneReader(endpoint.reader.address, {}, logger)
      await take(reader, 3)
      await expect(reader.next(AbortSignal.timeout(10_000))).rejects.toMatchObject({
        code: 'log_foreign_message',
        details: { topic, offset: sent?.baseOffset },
      })
    })

    longTest(
      'starts a reader at a position, and passes over the close of older attempts',
      async () => {
        const { endpoint } = await openLane(kind)
        await startWriter(endpoint, { slices: [sliceA] }).done
        const first = startReader(endpoint)
        await first.done
        const state = first.seen.find(({ type, seq }) => type === 'state' && seq === 600)
        const position = state?.next ?? ''
        const checkpoints = [checkpoint('a', 600)]
        const writer = startWriter(endpoint, {
          slices: [sliceA],
          attempt: 2,
          checkpoints,
          position,
        })
        expect(await writer.resumed).toMatchObject({
          from: 'log',
          slices: [{ seq: 1_000, complete: true }],
        })
        expect(await writer.done).toEqual({ records: 0 })
        const second = startReader(endpoint, { from: { position, attempt: 2 } })
        expect(await second.done).toEqual({ records: 400 })
        expect(second.seen.at(-1)).toMatchObject({ type: 'close', attempt: 2 })
        const group = await groupOffset(endpoint)
        expect(BigInt(group)).toBeGreaterThan(BigInt(position))
      },
    )

    test.for(
      usually(1, [
        ['retention deleted', /retention/],
        ['somebody made anew', /created again/],
      ] as const),
    )(
      'falls back to the destination, with a warning, when the log is one that %s',
      async ([how, reason], { expect }) => {
        const { endpoint } = await openLane(kind)
        await startWriter(endpoint, { slices: [sliceA] }).done
        const read = startReader(endpoint)
        await read.done
        const position =
          read.seen.find(({ type, seq }) => type === 'state' && seq === 300)?.next ?? ''
        const { topic } = kafkaAddress(endpoint)
        await using admin = await openAdmin()
        if (how === 'retention deleted') {
          await admin.fetchTopicOffsets(topic) // kafkajs deletes records of topics that it knows only
          const offset = String(BigInt(position) + 1n)
          await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
        } else {
          await replaceTopic(admin, topic)
        }
        const checkpoints = [checkpoint('a', 300)]
        const lost = openLaneReader(endpoint.reader.address, { position }, logger)
        await expect(lost).rejects.toMatchObject({ code: 'log_position_lost' })
        const writer = startWriter(endpoint, {
          slices: [sliceA],
          attempt: 2,
          checkpoints,
          position,
        })
        const resume = await writer.resumed
        expect(resume).toMatchObject({ from: 'destination', slices: checkpoints })
        expect(resume.warning).toMatch(reason)
        expect(await writer.done).toEqual({ records: 700 })
        const from = {
          ...(resume.position !== undefined && { position: resume.position }),
          attempt: 2,
        }
        const reader = startReader(endpoint, { from: { ...from, skipToAttempt: 2 } })
        expect(await reader.done).toEqual({ records: 700 })

        // The states of the first attempt are void from now on. The log leads on from where the second one
        // began; a topic that was created again may hold anything at the old position, so a third attempt,
        // whose sink has read nothing, reads again.
        const third = startWriter(endpoint, { slices: [sliceA], attempt: 3, checkpoints, position })
        const later = await third.resumed
        if (how === 'retention deleted') {
          const slices = [checkpoint('a', 1_000, true)]
          expect(later).toEqual({ from: 'log', slices, position: resume.position })
          const last = startReader(endpoint, {
            from: { position: resume.position ?? '', attempt: 3 },
          })
          expect(await last.done).toEqual({ records: 700 })
        } else expect(later).toMatchObject({ from: 'destination', slices: checkpoints })
        await third.done
      },
    )

    test.for(usually(1, ['retention has taken', 'a topic that was made again lacks'] as const))(
      'says so if %s what an attempt wrote before its reader came',
      async (how, { expect }) => {
        const { endpoint } = await openLane(kind)
        await startWriter(endpoint, { slices: [sliceA] }).done
        const writer = startWriter(endpoint, { slices: [sliceB], attempt: 2 })
        const { position = '' } = await writer.resumed
        await writer.done
        const { topic } = kafkaAddress(endpoint)
        await using admin = await openAdmin()
        // The end of what is committed. The broker writes the marker some milliseconds after it has confirmed
        // the commit to the writer.
        const end = async (): Promise<string> =>
          (await admin.fetchTopicOffsets(topic))[0]?.high ?? ''
        await expect
          .poll(async () => BigInt(await end()), { timeout: 30_000 })
          .toBeGreaterThan(BigInt(position))
        const offset = await end()
        if (how === 'retention has taken')
          await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
        else await replaceTopic(admin, topic)
        const from = { position, attempt: 2, skipToAttempt: 2 }
        await expect(openLaneReader(endpoint.reader.address, from, logger)).rejects.toMatchObject({
          code: 'log_position_lost',
        })
      },
    )

    longTest(
      'reads messages of the version before the header `v`, and refuses those of a version to come',
      async () => {
        const { endpoint } = await openLane(kind)
        await startWriter(endpoint, { slices: [sliceA] }).done
        const { topic } = kafkaAddress(endpoint)
        const messages = await readTopic(topic)
        const old = await writeAgain(endpoint, messages, ({ type, count }) =>
          type === 'RECORD' && count === undefined ? ['v', 'sync'] : ['v'],
        )
        expect(await readAll(old)).toEqual(await readAll(endpoint))
        const newer = await writeAgain(endpoint, messages, () => [], { v: '2' })
        await expect(readAll(newer)).rejects.toMatchObject({
          code: 'log_version_newer',
          details: { version: '2', known: 1 },
        })
      },
    )

    longTest(
      'goes on past what it tells other readers, also where the destination stands right before it',
      async ({ expect }) => {
        const { endpoint, announce } = await openLane(kind)
        await using first = await announce(attemptOf({ attempt: 1 }))
        await startWriter(endpoint, { slices: [sliceA], then: 'exit', stopAfter: 600 }).exited
        const reader = startReader(endpoint)
        const positionAt = (seq: number): string =>
          reader.seen.find((entry) => entry.type === 'state' && entry.seq === seq)?.next ?? ''
        await expect.poll(() => positionAt(600), { timeout: 30_000 }).not.toBe('')
        const startAt = (seq: number): Parameters<typeof startWriter>[1] => ({
          slices: [sliceA],
          checkpoints: [checkpoint('a', seq)],
          position: positionAt(seq),
        })
        await using second = await announce(attemptOf({ attempt: 2 }))
        expect(await startWriter(endpoint, { ...startAt(300), attempt: 2 }).done).toEqual({
          records: 400,
        })
        await expect(first.complete([])).rejects.toMatchObject({ code: 'fenced' })
        await second.complete([{ slice: 'a', partition: 0, seq: 1_000 }])

        // The second PLAN stands right at the position.
        const position = positionAt(600)
        await using third = await announce(attemptOf({ attempt: 3 }))
        const last = startWriter(endpoint, { ...startAt(600), attempt: 3 })
        const slices = [checkpoint('a', 1_000, true)]
        expect(await last.resumed).toEqual({ from: 'log', slices, position })
        expect(await last.done).toEqual({ records: 0 })
        await third.complete([{ slice: 'a', partition: 0, seq: 1_000 }])
        const rest = startReader(endpoint, { from: { position, attempt: 3 } })
        expect(await rest.done).toEqual({ records: 400 })
        const { topic } = kafkaAddress(endpoint)
        const types = (await readTopic(topic)).map(({ headers }) => headers.get('type'))
        const about = types.filter((type) => type === 'PLAN' || type === 'SYNC_END')
        expect(about).toEqual(['PLAN', 'PLAN', 'SYNC_END', 'PLAN', 'SYNC_END'])
        expect([types.at(0), types.at(-1)]).toEqual(['PLAN', 'SYNC_END'])
      },
    )

    test('skips to an attempt', async () => {
      const { endpoint } = await openLane(kind)
      await startWriter(endpoint, { slices: [sliceA] }).done
      await startWriter(endpoint, { slices: [{ ...sliceB, to: 100 }], attempt: 2 }).done
      const reader = startReader(endpoint, { from: { skipToAttempt: 2, attempt: 2 } })
      expect(await reader.done).toEqual({ records: 100 })
      expect(reader.seen.at(0)).toMatchObject({ type: 'begin', slice: 'b' })
    })
  },
)

describe.concurrent('the kafka log', () => {
  test('takes smaller records where the topic was made with a smaller limit, and says when one is too large', async () => {
    const { prefix } = testKafka()
    const topic = `connect.${prefix}.public.orders`
    await using admin = await openAdmin()
    await createServedTopic(admin, {
      topic,
      numPartitions: 1,
      configEntries: [{ name: 'max.message.bytes', value: '1048576' }],
    })
    await using log = await openLog()
    const { lanes, maxRecordBytes } = await log.openStream({
      connection: prefix,
      stream: sampleStream,
      partitions: 3,
    })
    expect(lanes).toHaveLength(3)
    expect(maxRecordBytes).toBe(512 * 1024)
    const other = { connection: prefix, stream: { name: 'other' }, partitions: 1 }
    expect(await log.openStream(other)).toMatchObject({ maxRecordBytes: largestRecordBytes })
    const [endpoint] = lanes
    if (endpoint === undefined) throw new Error('no lane')
    await using writer = await openWriter(endpoint)
    const noise = new Uint8Array(randomBytes(2 * 1024 * 1024))
    const tooLarge = async (): Promise<void> => {
      await append(writer, [
        { type: 'begin', ...ids, slice: '', seq: 0, columns: sampleColumns },
        {
          type: 'records',
          slice: '',
          seq: 0,
          count: 1,
          bytes: noise,
          ends: Uint32Array.of(noise.length),
        },
        { type: 'state', slice: '', seq: 1, count: 1, state: {} },
      ])
      await writer.flush()
    }
    await expect(tooLarge()).rejects.toMatchObject({
      code: 'log_message_too_large',
      details: { topic },
    })
  })

  test('refuses a topic that is compacted, and names the policy', async () => {
    const { endpoint, log, connection } = await openLane('kafka block')
    if (endpoint.writer.address.kind !== 'kafka') throw new Error('no kafka')
    const { topic } = endpoint.writer.address.kafka
    await using admin = await openAdmin()
    await setPolicy(admin, topic, 'compact')
    await expect(
      log.openStream({ connection, stream: sampleStream, partitions: 1 }),
    ).rejects.toMatchObject({
      code: 'log_topic_compacted',
      message: expect.stringContaining('cleanup.policy=compact') as unknown,
    })
  })

  test('tells of an attempt in every partition of the topic, unless a newer one has the stream', async () => {
    const { prefix: connection } = testKafka()
    await using log = await openLog()
    await log.openStream({ connection, stream: sampleStream, partitions: 3 })
    const { announce } = await log.openStream({ connection, stream: sampleStream, partitions: 1 })
    if (announce === undefined) throw new Error('the log announces nothing')
    await using older = await announce(attemptOf({ attempt: 1 }))
    const newer = new Error('a newer one')
    await expect(
      announce({ ...attemptOf({ attempt: 2 }), confirm: () => Promise.reject(newer) }),
    ).rejects.toBe(newer)
    await expect(older.complete([])).rejects.toMatchObject({
      code: 'fenced',
      details: { connection },
    })
    const messages = await readTopic(topicName(connection, sampleStream))
    expect(
      messages.map(({ partition, headers }) => [partition, Object.fromEntries(headers)]),
    ).toEqual(
      [0, 1, 2].map((partition) => [partition, { v: '1', type: 'PLAN', sync: '1', attempt: '1' }]),
    )
  })

  longTest(
    'gives a connection topics of its own for states and schemas, which several processes may make at once',
    async () => {
      const { prefix: connection } = testKafka()
      const logs = await Promise.all([1, 2, 3].map(() => openLog({ topicsPerConnection: true })))
      const opened = await Promise.all(
        logs.map((log) => log.openStream({ connection, stream: sampleStream, partitions: 1 })),
      )
      const [endpoint] = opened[0]?.lanes ?? []
      if (endpoint === undefined) throw new Error('no lane')
      expect(await startWriter(endpoint, { slices: [sliceA] }).done).toEqual({ records: 1_000 })
      const states = await readTopic(`connect.${connection}..states`)
      expect(states.map(({ key }) => String(key))).toContain(
        JSON.stringify([connection, 'public', 'orders', 'a']),
      )
      expect(await readTopic(`connect.${connection}..schemas`)).not.toEqual([])
      await Promise.all(logs.map((log) => log[Symbol.asyncDispose]()))
    },
  )

  test('refuses a topic of schemas that is not compacted, and takes it when it is', async ({
    expect,
  }) => {
    const { prefix: connection } = testKafka()
    const topic = `connect.${connection}..schemas`
    await using admin = await openAdmin()
    await createServedTopic(admin, { topic, numPartitions: 1 })
    await using log = await openLog({ topicsPerConnection: true })
    const open = (): Promise<unknown> =>
      log.openStream({ connection, stream: sampleStream, partitions: 1 })
    await expect(open()).rejects.toMatchObject({
      code: 'log_topic_not_compacted',
      details: { topic, policy: 'delete' },
    })
    await setPolicy(admin, topic, 'compact')
    const opened = (): Promise<string> => open().then(() => 'opened', String)
    await expect.poll(opened, { timeout: 30_000 }).toBe('opened')
  })

  test('adds partitions to a topic and never takes any away', async () => {
    const { prefix } = testKafka()
    await using log = await openLog()
    await using admin = await openAdmin()
    const topic = `connect.${prefix}.public.orders`
    for (const [partitions, there] of [
      [1, 1],
      [3, 3],
      [2, 3],
    ] as const) {
      const { lanes } = await log.openStream({
        connection: prefix,
        stream: sampleStream,
        partitions,
      })
      expect(lanes).toHaveLength(partitions)
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      expect(topics[0]?.partitions).toHaveLength(there)
    }
  })
})

describe.concurrent('the kafka log, without its topic or its broker,', () => {
  test('says that a broker cannot be reached', async () => {
    const config = {
      kind: 'kafka',
      brokers: ['127.0.0.1:1'],
      framing: 'block',
      ssl: false,
    } as const
    await expect(KafkaLog.open(config, logger)).rejects.toMatchObject({
      code: 'kafka_unreachable',
      details: { brokers: '127.0.0.1:1' },
    })
  })

  longTest(
    'waits for a new topic that the brokers have not heard of yet, or not of all of its partitions',
    async () => {
      const { brokers, prefix: topic } = testKafka()
      const servers = { brokers, clientId: 'test', ssl: false }
      await using admin = await openAdmin()
      const open = async (): Promise<string> => {
        const options = { servers, topics: [topic], patienceMs: 20_000, logger }
        await using connection = await KafkaConnection.open(options)
        await connection.untilServed(topic, 3)
        return 'served'
      }
      const opened = open()
      const first = await Promise.race([opened, setTimeout(2_500, 'waiting')])
      await createServedTopic(admin, { topic, numPartitions: 1 })
      const second = await Promise.race([opened, setTimeout(1_000, 'waiting')])
      await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
      expect([first, second, await opened]).toEqual(['waiting', 'waiting', 'served'])
    },
  )

  test('says that the topic is gone', async () => {
    await using log = await openLog()
    const {
      lanes: [endpoint],
    } = await log.openStream({
      connection: testKafka().prefix,
      stream: sampleStream,
      partitions: 1,
    })
    if (endpoint === undefined) throw new Error('no lane')
    await using writer = await openWriter(endpoint)
    await using admin = await openAdmin()
    await admin.deleteTopics({ topics: [kafkaAddress(endpoint).topic] })
    const write = async (): Promise<void> => {
      await append(writer, unit({ seq: 0, count: 10 }))
      await writer.flush()
    }
    const reading = openLaneReader(endpoint.reader.address, {}, logger)
    // At the same time: each waits, for a topic that may be new.
    await Promise.all(
      [write(), reading].map((work) =>
        expect(work).rejects.toMatchObject({ code: 'log_topic_missing' }),
      ),
    )
  })

  test('lets a writer run ahead of a dead broker by a few megabytes only, and goes on when it is back', async ({
    expect,
  }) => {
    await using broker = await startKafka()
    await using log = await KafkaLog.open(
      { kind: 'kafka', brokers: broker.brokers, framing: 'block', ssl: false },
      logger,
    )
    const {
      lanes: [endpoint],
    } = await log.openStream({
      connection: 'c',
      stream: sampleStream,
      partitions: 1,
    })
    if (endpoint === undefined) throw new Error('no lane')
    await using writer = await openWriter(endpoint)
    await append(writer, unit({ seq: 0, count: 10 }))
    await writer.flush()
    await broker.kill9()
    let appended = 0
    const writing = (async () => {
      for (let seq = 10; seq < 60_010; seq += 1_000) {
        await append(writer, unit({ seq, count: 1_000, nameBytes: 300 }).slice(1))
        appended += 300_000
      }
      await append(writer, [{ type: 'close', attempt: 1, records: 60_010 }])
      await writer.flush()
    })()
    writing.catch(() => undefined) // awaited below
    await expect.poll(() => appended, { timeout: 10_000 }).toBeGreaterThan(3_000_000)
    await broker.restart()
    expect(appended).toBeLessThan(8_000_000)
    await writing
    expect(countRecords(await readAll(endpoint))).toBe(60_010)
  })
})

function unit(range: {
  readonly seq: number
  readonly count: number
  readonly nameBytes?: number
}): LogEntry[] {
  const { seq, count } = range
  return [
    { type: 'begin', ...ids, slice: '', seq, columns: sampleColumns },
    sampleRecords('', range),
    { type: 'state', slice: '', seq: seq + count, count, state: { at: seq + count } },
  ]
}

async function take(
  reader: Awaited<ReturnType<typeof openLaneReader>>,
  count: number,
): Promise<string[]> {
  const types: string[] = []
  while (types.length < count) {
    const item = await reader.next(AbortSignal.timeout(10_000))
    types.push(item?.entry.type ?? 'nothing')
  }
  return types
}

function countRecords(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.type === 'records' ? entry.count : 0), 0)
}

function kafkaAddress({ writer }: LaneEndpoint): KafkaAddress {
  if (writer.address.kind !== 'kafka') throw new Error('not a Kafka lane')
  return writer.address.kafka
}

async function openLog(
  options: { readonly topicsPerConnection?: boolean } = {},
): Promise<KafkaLog> {
  const { brokers } = testKafka()
  return KafkaLog.open({ kind: 'kafka', brokers, framing: 'block', ssl: false, ...options }, logger)
}

async function setPolicy(admin: Admin, topic: string, policy: string): Promise<void> {
  const configEntries = [{ name: 'cleanup.policy', value: policy }]
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }
  await admin.alterConfigs({ validateOnly: false, resources: [resource] })
}

/** The messages in a topic of their own, without some of their headers; the lane in it. */
async function writeAgain(
  endpoint: LaneEndpoint,
  messages: readonly ReadMessage[],
  without: (headers: Readonly<Record<string, string>>) => readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<LaneEndpoint> {
  const topic = `${testKafka().prefix}-again`
  await using admin = await openAdmin()
  await createServedTopic(admin, { topic, numPartitions: 1 })
  const producer = client().producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  await producer.send({
    topic,
    messages: messages.map(({ key, value, headers }) => {
      const all = { ...Object.fromEntries(headers), ...more }
      const dropped = without(all)
      const kept = Object.entries(all).filter(([name]) => !dropped.includes(name))
      return { key, value, headers: Object.fromEntries(kept) }
    }),
  })
  await producer.disconnect()
  const address = { kind: 'kafka', kafka: { ...kafkaAddress(endpoint), topic } } as const
  return { partition: 0, writer: { address, transfer: [] }, reader: { address, transfer: [] } }
}

/** An attempt of the first sync. */
function attemptOf({
  attempt,
  slices = [checkpoint('a', 0)],
}: {
  readonly attempt: number
  readonly slices?: AnnouncedAttempt['slices']
}): AnnouncedAttempt {
  const sink = {
    connection: 'c',
    stream: {
      stream: {
        ...sampleStream,
        json_schema: {},
        supported_sync_modes: ['full_refresh' as const],
        source_defined_primary_key: [['id']],
      },
      sync_mode: 'full_refresh' as const,
      destination_sync_mode: 'append' as const,
    },
    columns: sampleColumns,
    mode: 'append' as const,
    metadata: 'full' as const,
    deletes: 'hard' as const,
  }
  const counts = { loaded: 0, rejected: 0, nulled: 0, cut: 0 }
  const sync = {
    sink,
    streamId: sampleStream,
    syncId: 1,
    generationId: 0,
    epoch: attempt,
    attemptKeys: keysUpTo(attempt),
    start: 1,
    resumed: attempt > 1,
    startedAtMs: 0,
    isOlder: false,
    untoldCounts: { kept: counts, staged: counts, replaced: counts },
    tableNotes: [],
    warnings: [],
    doneInRun: false,
    slices,
    positions: [],
  }
  return { sync, slices, confirm: () => Promise.resolve() }
}

/** Creates a kafkajs client as a service would use it: it supports zstd only after registration. */
function client(): Kafka {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(new Error('not needed')),
    decompress: promisify(zstdDecompress),
  })
  return new kafkajs.Kafka({
    brokers: [...testKafka().brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
}

async function replaceTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] })
  const make = (): Promise<boolean> =>
    // Refused as long as a broker still has the old topic.
    createServedTopic(admin, { topic, numPartitions: 1 }).catch(() => false)
  while (!(await make())) await setTimeout(50)
}

async function openAdmin(): Promise<Admin & AsyncDisposable> {
  const admin = client().admin()
  await admin.connect()
  return Object.assign(admin, { [Symbol.asyncDispose]: async () => admin.disconnect() })
}

async function groupOffset(endpoint: LaneEndpoint): Promise<string> {
  const { topic, partition } = kafkaAddress(endpoint)
  await using admin = await openAdmin()
  const [answer] = await admin.fetchOffsets({ groupId: `${topic}.${partition}`, topics: [topic] })
  return answer?.partitions[0]?.offset ?? '-1'
}

/** Reads a topic from its beginning as any service would: kafkajs's own consumer, read_committed. */
async function consumeUntil(
  topic: string,
  enough: (seen: readonly KafkaMessage[]) => boolean,
): Promise<readonly KafkaMessage[]> {
  const consumer = client().consumer({
    groupId: `${testKafka().prefix}-other`,
    readUncommitted: false,
  })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    const seen: KafkaMessage[] = []
    const { promise, resolve } = Promise.withResolvers<undefined>()
    await consumer.run({
      eachBatch: ({ batch }) => {
        seen.push(...batch.messages)
        if (enough(seen)) resolve(undefined)
        return Promise.resolve()
      },
    })
    await promise
    return seen
  } finally {
    await consumer.disconnect()
  }
}

function header({ headers }: KafkaMessage, name: string): string {
  const value = headers?.[name]
  return Buffer.isBuffer(value) ? value.toString() : ''
}

/** The ids of a message's records, by the published schema. */
function decode({ value }: KafkaMessage, schemas: ReadonlyMap<string, avro.Type>): number[] {
  const bytes = value ?? Buffer.alloc(0)
  expect([...bytes.subarray(0, 2)]).toEqual([0xc3, 0x01])
  const type = schemas.get(bytes.readBigUInt64LE(2).toString(16).padStart(16, '0'))
  const decoded = type?.fromBuffer(bytes.subarray(10)) as { id: unknown } | { id: unknown }[]
  return (Array.isArray(decoded) ? decoded : [decoded]).map(({ id }) => idOf(id))
}

function idOf(id: unknown): number {
  return typeof id === 'object' && id !== null && 'long' in id ? Number(id.long) : Number(id)
}
