import { expect, onTestFinished, test } from 'vitest'
import { readSavedStates, SeenStates } from '../../../../engine/log/kafka/read-states.ts'
import { stateMessage, type SavedState } from '../../../../engine/log/kafka/saved-states.ts'
import { createTopic } from '../../../../kafka/make-topic.ts'
import { PartitionFetcher } from '../../../../kafka/partition-fetcher.ts'
import { BatchEncoder, encodeHeaders } from '../../../../kafka/record-batch/batch-encoder.ts'
import { TransactionalProducer } from '../../../../kafka/transactional-producer.ts'
import { testKafka } from '../../../support/kafka.ts'
import { silent as logger } from '../../../support/logger.ts'

const owner = { connection: 'shop', stream: { namespace: 'public', name: 'orders' } }

function saved(slice: string, seq: number): SavedState {
  const attempt = { syncId: 1, attempt: 1, attemptKey: 'key', since: 1, from: '0' }
  return { slice, partition: 0, ...attempt, seq, state: { at: seq }, complete: false }
}

interface World {
  /** As another process does it. */
  readonly write: (states: readonly SavedState[], stateOwner?: typeof owner) => Promise<void>
  /** The transaction stays open until the producer commits or aborts it. */
  readonly begin: (
    states: readonly SavedState[],
    stateOwner?: typeof owner,
  ) => Promise<TransactionalProducer>
  /** The `seq` of each slice. */
  readonly read: (seen: SeenStates, stateOwner?: typeof owner) => Promise<Record<string, number>>
  /** Where the last one began to read. */
  readonly startedAt: () => bigint | undefined
  readonly makeAgain: () => Promise<void>
}

async function openWorld(): Promise<World> {
  const { brokers, prefix: topic } = testKafka()
  const servers = { brokers, clientId: 'test', ssl: false }
  const cluster = { servers, logger }
  const make = (): Promise<boolean> =>
    createTopic(cluster, { topic, numPartitions: 1, replicationFactor: -1 })
  await make()
  const fetcher = await PartitionFetcher.open({ ...cluster, topic, partition: 0 })
  onTestFinished(() => fetcher[Symbol.asyncDispose]())
  let startedAt: bigint | undefined
  const fetch = fetcher.fetch.bind(fetcher)
  fetcher.fetch = (offset) => {
    startedAt ??= offset
    return fetch(offset)
  }
  const begin: World['begin'] = async (states, stateOwner = owner) => {
    const transactionalId = `${topic}.${stateOwner.stream.name}`
    const producer = await TransactionalProducer.open({
      ...cluster,
      topics: [topic],
      transactionalId,
    })
    onTestFinished(() => producer[Symbol.asyncDispose]())
    const encoder = new BatchEncoder(1024)
    for (const state of states) {
      const { key, value } = stateMessage(state, stateOwner)
      const headers = encodeHeaders({})
      encoder.message({ key: Buffer.from(key), value: [Buffer.from(value)], headers })
    }
    await producer.append(topic, 0, encoder)
    return producer
  }
  return {
    begin,
    write: async (states, stateOwner = owner) => {
      const producer = await begin(states, stateOwner)
      await producer.commit()
    },
    read: async (seen, stateOwner = owner) => {
      startedAt = undefined
      const states = await readSavedStates(
        fetcher,
        { ...stateOwner, brokers, statesTopic: topic },
        seen,
      )
      if (states === 'lost') throw new Error('lost')
      return Object.fromEntries([...states].map(([slice, { seq }]) => [slice, seq]))
    },
    startedAt: () => startedAt,
    makeAgain: async () => {
      const { Kafka, logLevel } = await import('kafkajs')
      const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
      await admin.connect()
      await admin.deleteTopics({ topics: [topic] })
      await expect.poll(make, { timeout: 20_000 }).toBe(true)
      await admin.disconnect()
    },
  }
}

test('a thread that has read states reads on, and sees what another process has written since', async () => {
  const { write, read, startedAt } = await openWorld()
  const seen = new SeenStates()
  for (let seq = 1; seq <= 30; seq++) await write([saved('a', seq)])
  expect(await read(seen)).toEqual({ a: 30 })
  expect(startedAt()).toBe(0n)
  await write([saved('a', 31), saved('b', 5)])
  const customers = { ...owner, stream: { namespace: 'public', name: 'customers' } }
  await write([saved('a', 7)], customers)
  expect(await read(seen)).toEqual({ a: 31, b: 5 })
  // A state and a marker each.
  expect(startedAt()).toBe(59n)
  expect(await read(seen, customers)).toEqual({ a: 7 })
  expect(startedAt()).toBe(64n)
  expect(await read(seen, { ...owner, connection: 'other' })).toEqual({})
  expect(startedAt()).toBe(0n)
  expect(await read(new SeenStates())).toEqual({ a: 31, b: 5 })
  expect(startedAt()).toBe(0n)
}, 60_000)

test('what a topic said that was made again does not count', async () => {
  const { write, read, makeAgain } = await openWorld()
  const seen = new SeenStates()
  await write([saved('a', 1), saved('b', 1)])
  expect(await read(seen)).toEqual({ a: 1, b: 1 })
  await makeAgain()
  // It ends before the old one did …
  expect(await read(seen)).toEqual({})
  await write([saved('a', 2)])
  expect(await read(seen)).toEqual({ a: 2 })
  await makeAgain()
  // … or after it.
  await write([saved('a', 3)])
  await write([saved('c', 3)])
  expect(await read(seen)).toEqual({ a: 3, c: 3 })
}, 60_000)

test('states that take too much are read from the beginning each time', async () => {
  const { write, read, startedAt } = await openWorld()
  const seen = new SeenStates()
  const large = { ...saved('a', 1), state: { text: 'x'.repeat(500_000) } }
  for (let index = 0; index < 9; index++)
    await write([{ ...large, slice: `slice ${String(index)}` }])
  const states = await read(seen)
  expect(Object.keys(states)).toHaveLength(9)
  expect(await read(seen)).toEqual(states)
  expect(startedAt()).toBe(0n)
}, 60_000)

test('what others commit behind an open transaction counts, and the transaction itself once it is committed', async () => {
  const { begin, write, read } = await openWorld()
  const inStream = (name: string): typeof owner => ({
    ...owner,
    stream: { namespace: 'public', name },
  })
  const seen = new SeenStates()
  await write([saved('a', 1), saved('b', 1)])
  // Its process was killed.
  const dead = await begin([saved('a', 5)], inStream('dead'))
  await write([saved('a', 2)])
  const open = await begin([saved('a', 3)], inStream('other'))
  const aborted = await begin([saved('a', 4), saved('b', 4)])
  await aborted.abort()
  await write([saved('b', 2)])
  await write([saved('c', 2)], { ...owner, connection: 'other' })
  for (const some of [seen, new SeenStates(), seen]) {
    expect(await read(some)).toEqual({ a: 2, b: 2 })
    expect(await read(some, inStream('dead'))).toEqual({})
    expect(await read(some, inStream('other'))).toEqual({})
  }
  await open.commit()
  expect(await read(seen, inStream('other'))).toEqual({ a: 3 })
  await dead.commit()
  await write([saved('d', 1)])
  for (const some of [seen, new SeenStates()]) {
    expect(await read(some)).toEqual({ a: 2, b: 2, d: 1 })
    expect(await read(some, inStream('dead'))).toEqual({ a: 5 })
  }
}, 60_000)
