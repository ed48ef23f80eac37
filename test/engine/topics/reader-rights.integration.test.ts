import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { topicName } from '../../../engine/log/kafka/topic-names.ts'
import { readTopic, TableRebuild } from '../../../sdk/topics.ts'
import { parseExact, type RecordData } from '../../../protocol/index.ts'
import { reactor, type CommandEnd } from '../../cli/service-command-line.ts'
import { planRun, runPlan } from '../../support/engine.ts'
import { zstdForKafkajs } from '../../support/kafkajs-zstd.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { startSecuredKafka, type Right, type SecuredKafka } from '../../support/secured-kafka.ts'
import { longDescribe } from '../../support/long.ts'

/**
 * The rights of readers in docs/topics.md: these, and no others, are enough for `reactor connect topics` and
 * `reactor-connect/topics`.
 */
const rows = 50
const users = ['one-stream', 'late', 'own-topics', 'describes', 'nobody'] as const
type User = (typeof users)[number]
const connections = { alpha: true, 'alpha-two': true, shared: false } as const
const read = (name: string): Right => ({ resource: 'TOPIC', name, operation: 'READ' })
const topicOf = (connection: string, name = 'users'): string => topicName(connection, { name })

let kafka: SecuredKafka
let db: TestDatabase
beforeAll(async () => {
  ;[kafka, db] = await Promise.all([startSecuredKafka(users), testDatabase()])
  for (const [connection, topicsPerConnection] of Object.entries(connections)) {
    const plan = await planRun({
      connection,
      source: {
        type: 'faker',
        config: {
          seed: 3,
          streams: [
            { name: 'users', rows },
            { name: 'orders', rows },
          ],
        },
      },
      destination: db.address,
      schema: connection.replace('-', '_'),
      log: {
        kind: 'kafka',
        brokers: kafka.open.brokers,
        framing: 'block',
        ssl: false,
        topicsPerConnection,
      },
      mode: 'append_dedup',
    })
    expect((await runPlan(plan)).result.status).toBe('complete')
  }
  await kafka.allow('one-stream', [
    read(topicOf('shared')),
    { resource: 'GROUP', name: 'own-group', operation: 'READ' },
  ])
  await kafka.allow('late', [
    read(topicOf('shared')),
    read('connect.schemas'),
    read('connect.states'),
  ])
  await kafka.allow('own-topics', [read('connect.alpha.*')])
  await kafka.allow('describes', [
    read('connect.alpha.*'),
    { resource: 'TOPIC', name: 'connect.*', operation: 'DESCRIBE' },
  ])
}, 120_000)
afterAll(async () => {
  await kafka[Symbol.asyncDispose]()
  await db[Symbol.asyncDispose]()
})

async function topics(user: User, ...argv: readonly string[]): Promise<CommandEnd> {
  const { brokers, sasl } = kafka.serversOf(user)
  await using file = await runFile({
    connection: 'reader',
    source: { type: 'faker', config: { streams: [{ name: 'users', rows }] } },
    destination: { type: 'postgres', config: { ...db.address, schema: 'copy' } },
    log: { kafka: { brokers, sasl } },
  })
  const end = await reactor(['connect', 'topics', ...argv, '--run-file', file.path], {
    environment: {},
  })
  expect(end.out + end.err).not.toContain(sasl?.password)
  return end
}

async function rebuiltRows(user: User, topic: string): Promise<RecordData[]> {
  const { brokers, sasl } = kafka.serversOf(user)
  const table = new TableRebuild(topic)
  await readTopic(
    { brokers, topic, ...(sasl !== undefined && { sasl }) },
    {
      signal: AbortSignal.timeout(60_000),
      take: (message) => {
        table.take(message)
      },
    },
  )
  return table.rows()
}

const lines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseExact(line))

/** How many messages another client has read when it has committed its offset. */
async function consumed(groupId: string): Promise<number> {
  zstdForKafkajs()
  const { brokers, sasl } = kafka.serversOf('one-stream')
  if (sasl?.mechanism !== 'plain') throw new Error('the user logs in by another mechanism')
  const { username, password } = sasl
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    sasl: { mechanism: 'plain', username, password },
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const consumer = client.consumer({ groupId })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    reject(payload.error)
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: topicOf('shared'), fromBeginning: true })
    let messages = 0
    await consumer.run({
      eachBatch: async ({ batch }) => {
        const { topic, partition } = batch
        messages += batch.messages.length
        const offset = String(BigInt(batch.lastOffset()) + 1n)
        await consumer.commitOffsets([{ topic, partition, offset }])
        if (messages > 3) resolve(messages)
      },
    })
    return await promise
  } finally {
    await consumer.disconnect()
  }
}

function denied(topic: string): object {
  return {
    code: 'kafka_permission_denied',
    message: expect.stringContaining(`the operation Read on topic ${topic}`) as string,
  }
}

async function listed(user: User): Promise<string[]> {
  const { code, out, err } = await topics(user, 'list', '--json')
  expect(code, err).toBe(0)
  return (JSON.parse(out) as { topic: string }[]).map(({ topic }) => topic)
}

longDescribe('a user with the rights of', () => {
  test('a reader of one stream reads it and rebuilds its table, and nothing else', async () => {
    const tail = await topics('one-stream', 'tail', topicOf('shared'))
    expect(tail.code, tail.err).toBe(0)
    expect(lines(tail.out).length).toBeGreaterThan(3)
    expect(await rebuiltRows('one-stream', topicOf('shared'))).toHaveLength(rows)
    expect(await listed('one-stream')).toEqual([])
    const others = [topicOf('shared', 'orders'), topicOf('alpha'), 'connect.states']
    for (const topic of others)
      await expect(topics('one-stream', 'tail', topic), topic).rejects.toMatchObject(denied(topic))
  })

  test('a reader that starts late also lists the streams, and reads schemas and states', async () => {
    // The names of all streams that share these topics.
    expect(await listed('late')).toEqual([topicOf('shared', 'orders'), topicOf('shared')])
    for (const topic of ['connect.schemas', 'connect.states', topicOf('shared')])
      expect((await topics('late', 'tail', topic)).code, topic).toBe(0)
    const orders = topicOf('shared', 'orders')
    await expect(topics('late', 'tail', orders)).rejects.toMatchObject(denied(orders))
  })

  test.each(['own-topics', 'describes'] as const)(
    'a reader of one connection sees all of it, and nothing of another one (%s)',
    async (user) => {
      expect(await listed(user)).toEqual([topicOf('alpha', 'orders'), topicOf('alpha')])
      for (const name of ['users', 'orders'])
        expect(await rebuiltRows(user, topicOf('alpha', name))).toHaveLength(rows)
      for (const topic of ['connect.alpha..states', 'connect.alpha..schemas'])
        expect((await topics(user, 'tail', topic)).code, topic).toBe(0)
      const others = [
        topicOf('alpha-two'),
        topicOf('shared'),
        'connect.alpha-two..states',
        'connect.alpha-two..schemas',
      ]
      for (const topic of others)
        await expect(topics(user, 'tail', topic), topic).rejects.toMatchObject(denied(topic))
    },
  )

  test('a reader of one stream commits the offsets of its own group, and of no other', async () => {
    expect(await consumed('own-group')).toBeGreaterThan(3)
    // In the words of kafkajs: who may not know of a group finds no coordinator of it.
    await expect(consumed('another-group')).rejects.toThrow('group coordinator')
  })

  test('nobody is told which right is missing', async () => {
    expect(await listed('nobody')).toEqual([])
    const topic = topicOf('shared')
    await expect(topics('nobody', 'tail', topic)).rejects.toMatchObject(denied(topic))
  })
})
