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
  readonly fetcher: PartitionFetcher
  /** As another process does it. */
  write(states: readonly SavedState[], of?: typeof owner): Promise<void>
  /** The `seq` of each slice; fetches that it took. */
  read(seen: SeenStates, of?: typeof owner): Promise<readonly [Record<string, number>, number]>
  makeAgain(): Promise<void>
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
  let fetches = 0
  const counted = new Proxy(fetcher, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name === 'fetch') fetches += 1
      return value.bind(target) as unknown
    },
  })
  return {
    fetcher,
    write: async (states, of = owner) => {
      const transactionalId = `${topic}.${of.stream.name}`
      await using producer = await TransactionalProducer.open({
        ...cluster,
        topics: [topic],
        transactionalId,
      })
      const encoder = new BatchEncoder(1024)
      for (const state of states) {
        const { key, value } = stateMessage(state, of)
        const headers = encodeHeaders({})
        encoder.message({ key: Buffer.from(key), value: [Buffer.from(value)], headers })
      }
      await producer.append(topic, 0, encoder)
      await producer.commit()
    },
    read: async (seen, of = owner) => {
      fetches = 0
      const states = await readSavedStates(counted, { ...of, brokers, statesTopic: topic }, seen)
      if (states === 'hidden') throw new Error('hidden')
      return [Object.fromEntries([...states].map(([slice, { seq }]) => [slice, seq])), fetches]
    },
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
  const { write, read } = await openWorld()
  const seen = new SeenStates()
  for (let seq = 1; seq <= 30; seq++) await write([saved('a', seq)])
  expect(await read(seen)).toMatchObject([{ a: 30 }])
  await write([saved('a', 31), saved('b', 5)])
  await write([saved('a', 7)], { ...owner, stream: { namespace: 'public', name: 'customers' } })
  // One response has all that is new: the first one took as many as it had to.
  expect(await read(seen)).toEqual([{ a: 31, b: 5 }, 1])
  expect(await read(seen)).toEqual([{ a: 31, b: 5 }, 1])
  const customers = { ...owner, stream: { namespace: 'public', name: 'customers' } }
  expect(await read(seen, customers)).toEqual([{ a: 7 }, 1])
  expect(await read(seen, { ...owner, connection: 'other' })).toMatchObject([{}])
  expect(await read(new SeenStates())).toMatchObject([{ a: 31, b: 5 }])
}, 60_000)

test('what a topic said that was made again does not count', async () => {
  const { write, read, makeAgain } = await openWorld()
  const seen = new SeenStates()
  await write([saved('a', 1), saved('b', 1)])
  expect(await read(seen)).toMatchObject([{ a: 1, b: 1 }])
  await makeAgain()
  // It ends before the old one did …
  expect(await read(seen)).toMatchObject([{}])
  await write([saved('a', 2)])
  expect(await read(seen)).toMatchObject([{ a: 2 }])
  await makeAgain()
  // … or after it.
  await write([saved('a', 3)])
  await write([saved('c', 3)])
  expect(await read(seen)).toMatchObject([{ a: 3, c: 3 }])
}, 60_000)

test('states that take too much are read from the beginning each time', async () => {
  const { write, read } = await openWorld()
  const seen = new SeenStates()
  const large = { ...saved('a', 1), state: { text: 'x'.repeat(500_000) } }
  for (let index = 0; index < 9; index++)
    await write([{ ...large, slice: `slice ${String(index)}` }])
  const [states, fetches] = await read(seen)
  expect(Object.keys(states)).toHaveLength(9)
  const [again, more] = await read(seen)
  expect([again, more]).toEqual([states, fetches])
}, 60_000)
