import { createServer, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { ClusterSessions } from '../../kafka/cluster-sessions.ts'
import { KafkaConnection } from '../../kafka/kafka-connection.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { createTopic } from '../../kafka/make-topic.ts'
import { PartitionFetcher } from '../../kafka/partition-fetcher.ts'
import { BatchEncoder, encodeHeaders } from '../../kafka/record-batch/batch-encoder.ts'
import { TransactionalProducer } from '../../kafka/transactional-producer.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { silent as logger } from '../support/logger.ts'
import { startKafka, testKafka } from '../support/kafka.ts'

const patienceMs = 10_000

interface Counted {
  readonly servers: KafkaServers
  /** Those that were ever opened. */
  readonly sockets: readonly Socket[]
  readonly port: number
}

/** A broker behind a proxy that counts connections. */
async function countedBroker(): Promise<Counted> {
  const [port, advertisedPort] = [await freePort(), await freePort()]
  const broker = await startKafka({ behindProxy: { port, advertisedPort } })
  onTestFinished(() => broker[Symbol.asyncDispose]())
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
    }
    sockets.push(client)
  })
  proxy.listen(advertisedPort, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const brokers = [`127.0.0.1:${String(advertisedPort)}`]
  return { servers: { brokers, clientId: 'test', ssl: false }, sockets, port }
}

function message(value: string): BatchEncoder {
  const encoder = new BatchEncoder(64)
  encoder.message({ key: null, value: [Buffer.from(value)], headers: encodeHeaders({}) })
  return encoder
}

test('ends of lanes that follow one another share their sockets, and one that has closed is not used again', async () => {
  const { servers, sockets } = await countedBroker()
  await using sessions = new ClusterSessions()
  const use = async (): Promise<void> => {
    const connection = await KafkaConnection.open({
      ...{ servers, sessions, logger, patienceMs },
      topics: [],
    })
    await connection.runWithRetries(() => connection.coordinator('transaction', 'some id'))
    await connection[Symbol.asyncDispose]()
  }
  await use()
  const first = sockets.length
  for (let times = 0; times < 3; times++) await use()
  expect(sockets).toHaveLength(first)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => sockets.every((socket) => socket.closed)).toBe(true)
  await use()
  expect(sockets.length).toBeGreaterThan(first)
  // Two users at the same time have sockets of their own.
  const before = sockets.length
  await Promise.all([use(), use()])
  expect(sockets.length).toBeGreaterThan(before)
}, 60_000)

test('a session is closed, not given on, if a request broke or a response may still come', async () => {
  const { servers, sockets } = await countedBroker()
  await using sessions = new ClusterSessions()
  const topic = 'of-sessions'
  const shared = { servers, sessions, logger }
  await createTopic(shared, { topic, numPartitions: 1, replicationFactor: -1 })
  const fetcher = await PartitionFetcher.open({ ...shared, topic, partition: 0 })
  const waiting = expect(fetcher.fetch(0n)).rejects.toThrow('the connection was closed')
  await expect.poll(() => sockets.length).toBeGreaterThan(1)
  const before = sockets.length
  await fetcher[Symbol.asyncDispose]()
  await waiting
  await expect(fetcher.fetch(0n)).rejects.toThrow('the connection was closed')
  const next = await PartitionFetcher.open({ ...shared, topic, partition: 0 })
  expect(await next.high()).toBe(0n)
  expect(sockets.length).toBeGreaterThan(before)

  // A fault in the middle of a use: sockets that were opened for it are not used after it.
  const opened = sockets.length
  for (const socket of sockets) socket.destroy()
  expect(await next.high()).toBe(0n)
  await next[Symbol.asyncDispose]()
  const mended = sockets.length
  expect(mended).toBeGreaterThan(opened)
  const last = await PartitionFetcher.open({ ...shared, topic, partition: 0 })
  expect(await last.high()).toBe(0n)
  expect(sockets.length).toBeGreaterThan(mended)
  await last[Symbol.asyncDispose]()
}, 60_000)

test('a zombie is fenced although its socket has gone to another producer, which has nothing of its transaction', async () => {
  const { brokers, prefix: topic } = testKafka()
  await using sessions = new ClusterSessions()
  const servers = { brokers, clientId: 'test', ssl: false }
  const shared = { servers, sessions, logger }
  await createTopic(shared, { topic, numPartitions: 1, replicationFactor: -1 })
  const open = (transactionalId: string): Promise<TransactionalProducer> =>
    TransactionalProducer.open({ ...shared, topics: [topic], transactionalId })
  const ids = [`${topic}.a`, `${topic}.b`] as const

  // It leaves a transaction open, and its sockets to the one that comes next.
  const left = await open(ids[0])
  await left.append(topic, 0, message('of the one that left'))
  await left[Symbol.asyncDispose]()
  const other = await open(ids[1])
  await other.append(topic, 0, message('of the other'))
  await other.commit()

  const zombie = await open(ids[0])
  await zombie.append(topic, 0, message('of the zombie'))
  const heir = await open(ids[0])
  await expect(zombie.commit()).rejects.toThrow(/fenced|epoch/i)
  await zombie[Symbol.asyncDispose]()
  // Through the sockets of the zombie, perhaps.
  const second = await open(ids[1])
  await second.append(topic, 0, message('of the second'))
  await second.commit()
  await heir.append(topic, 0, message('of the heir'))
  await heir.commit()

  const fetcher = heir.fetcher(topic, 0)
  const high = await fetcher.high()
  const values: string[] = []
  for (let offset = 0n; offset < high;) {
    const fetched = await fetcher.fetch(offset)
    if (fetched === 'lost') throw new Error('lost')
    for await (const { value } of fetcher.messages(fetched.batches)) values.push(String(value))
    offset = fetched.next
  }
  expect(values).toEqual(['of the other', 'of the second', 'of the heir'])
  for (const producer of [other, heir, second]) await producer[Symbol.asyncDispose]()
}, 60_000)
