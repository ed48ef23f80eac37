import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { topicName } from '../../engine/log/kafka/topic-names.ts'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { parseExact } from '../../protocol/index.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { reactor, type CommandEnd } from './service-command-line.ts'
import { longTest } from '../support/long.ts'
import { createServedTopic } from '../support/kafka.ts'

const connection = `cli-${randomUUID().slice(0, 8)}`
const topicOf = (name: string): string => topicName(connection, { namespace: 'src', name })
const modes = { things: 'append_dedup', parts: 'overwrite' } as const

/**
 * Two runs of two tables; between them a row of each is changed, one is new, and one of `parts` is deleted.
 */
async function runTwice(db: TestDatabase): Promise<void> {
  const plan = planRun({
    connection,
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: logConfig('kafka block'),
    mode: 'append',
    ofStream: (name) =>
      name === 'things'
        ? { mode: modes.things, syncMode: 'incremental', cursor: 'version' }
        : { mode: modes.parts },
  })
  await runPlan(await plan)
  await db.query(
    `UPDATE src.things SET version = 2, name = 'two' WHERE id = 2; INSERT INTO src.things VALUES (4, 3, 'four');
     UPDATE src.parts SET name = 'two' WHERE id = 2; INSERT INTO src.parts VALUES (4, 3, 'four'); DELETE FROM src.parts WHERE id = 1`,
  )
  const { result } = await runPlan(await plan)
  expect(result.status).toBe('complete')
}

const tables = ['things', 'parts']
  .map(
    (name) => `CREATE TABLE src.${name} (id bigint PRIMARY KEY, version bigint, name text);
     INSERT INTO src.${name} VALUES (1, 1, 'one'), (2, 1, E'\\U0001F600'), (3, 1, NULL)`,
  )
  .join(';')

beforeAll(async () => {
  await using db = await testDatabase()
  await db.query(`CREATE SCHEMA src; ${tables}`)
  await runTwice(db)
})

function topics(...argv: readonly string[]): Promise<CommandEnd> {
  const brokers = inject('kafkaBrokers').join(',')
  return reactor(['connect', 'topics', ...argv, '--brokers', brokers], { environment: {} })
}

/** A topic of one partition with these messages. */
async function topicWith(messages: readonly kafkajs.Message[]): Promise<string> {
  const topic = `copied-${randomUUID()}`
  calmRequestQueues()
  const brokers = inject('kafkaBrokers')
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  const producer = client.producer()
  await Promise.all([admin.connect(), producer.connect()])
  await createServedTopic(admin, { topic, numPartitions: 1 })
  await producer.send({ topic, messages: [...messages] })
  await Promise.all([admin.disconnect(), producer.disconnect()])
  return topic
}

const lines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseExact(line))

describe('reactor connect topics', () => {
  test('list shows the topics of streams with what their last sync did', async () => {
    const { code, out } = await topics('list', '--json')
    expect(code).toBe(0)
    const listed = JSON.parse(out) as { topic: string; plan: unknown; end: unknown }[]
    expect(listed.filter(({ topic }) => topic.includes(connection))).toMatchObject([
      {
        topic: topicOf('parts'),
        plan: { destination_sync_mode: 'overwrite', sync: 2, primary_key: [['id']] },
        end: { outcome: 'complete', records: 3 },
      },
      {
        topic: topicOf('things'),
        plan: { destination_sync_mode: 'append_dedup', cursor: ['version'] },
      },
    ])
    const { out: text } = await topics('list')
    expect(text).toMatch(/^TOPIC +STREAM +MODE +KEY +SYNC +STATUS +RECORDS/)
    expect(text).toMatch(
      new RegExp(`${topicOf('parts')} +src.parts +overwrite +id +2 +complete +3\n`),
    )
  })

  test('tail shows each message, decoded, and ends where it was told to', async () => {
    const { code, out } = await topics('tail', topicOf('things'))
    expect(code).toBe(0)
    const messages = lines(out) as { type: string; records?: unknown[] }[]
    expect(messages.map(({ type }) => type)).toEqual([
      'PLAN', 'BEGIN', 'RECORD', 'STATE', 'END', 'CLOSE', 'SYNC_END',
      'PLAN', 'BEGIN', 'RECORD', 'STATE', 'END', 'CLOSE', 'SYNC_END',
    ]) // prettier-ignore
    expect(messages[2]).toMatchObject({
      partition: 0,
      v: '1',
      sync: '1',
      seq: '0',
      records: [{ id: 1 }, { id: 2, name: '\u{1F600}' }, { id: 3, name: null }],
    })
    const { out: two } = await topics('tail', topicOf('things'), '--limit', '2')
    expect(lines(two)).toMatchObject([{ type: 'PLAN' }, { type: 'BEGIN' }])
  })

  test('tail shows messages of others, also damaged ones, without what a terminal would obey', async () => {
    const headers = { v: '1', type: 'BEGIN', sync: '1', attempt: '1', slice: '', seq: '0', records: '0', fingerprint: '00000000000000ab' } // prettier-ignore
    const text = 'red \u009b31m and \u202eback'
    const topic = await topicWith([
      { headers, value: '{"columns":' },
      { value: Buffer.from('000000002a02', 'hex'), headers: { 'connect-sync': '1' } },
      { value: JSON.stringify({ text }), headers: { ['na\u2066me']: text } },
    ])
    const { code, out } = await topics('tail', topic)
    expect(code).toBe(0)
    expect(out).not.toMatch(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/)
    expect(lines(out)).toEqual([
      expect.objectContaining({ type: 'BEGIN', damaged: 'its value is not that of a BEGIN' }),
      { partition: 0, offset: '1', 'connect-sync': '1', bytes: 6, schema_id: 42 },
      { partition: 0, offset: '2', ['na\u2066me']: text, value: { text } },
    ])
  })

  test('tail --follow shows what comes, until it is stopped', async () => {
    const stop = new AbortController()
    let seen = ''
    const brokers = inject('kafkaBrokers').join(',')
    const end = await reactor(
      ['connect', 'topics', 'tail', topicOf('parts'), '--follow', '--brokers', brokers],
      {
        environment: {},
        signal: stop.signal,
        onText: (text) => {
          seen += text
          if (seen.split('"SYNC_END"').length > 2) stop.abort()
        },
      },
    )
    expect(end.code).toBe(0)
  })

  longTest('tail --follow shows partitions that are added', async () => {
    const brokers = inject('kafkaBrokers')
    const topic = `added-${randomUUID()}`
    calmRequestQueues()
    const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    await createServedTopic(admin, { topic, numPartitions: 1 })
    // Each by a producer of its own, which knows the partitions as they are.
    const send = async (partition: number, value: string): Promise<void> => {
      const producer = client.producer()
      await producer.connect()
      await producer.send({ topic, messages: [{ partition, value }] })
      await producer.disconnect()
    }
    await send(0, '"first"')
    const stop = new AbortController()
    let seen = ''
    let hasAdded = false
    const end = await reactor(
      ['connect', 'topics', 'tail', topic, '--follow', '--brokers', brokers.join(',')],
      {
        environment: {},
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]),
        onText: (text) => {
          seen += text
          if (seen.includes('second')) stop.abort()
          if (hasAdded) return
          hasAdded = true
          void admin
            .createPartitions({ topicPartitions: [{ topic, count: 2 }] })
            .then(() => send(1, '"second"'))
        },
      },
    )
    expect(lines(end.out)).toMatchObject([
      { partition: 0, value: 'first' },
      { partition: 1, value: 'second' },
    ])
    await admin.disconnect()
  })

  test('a wrong command says what to do', async () => {
    await expect(topics('tail', 'connect.nobody.has')).rejects.toMatchObject({
      code: 'topic_not_found',
    })
    await expect(topics('tail', topicOf('parts'), '--from-end')).rejects.toMatchObject({
      suggestedFix: 'Add --follow.',
    })
    await expect(
      reactor(['connect', 'topics', 'list', '--brokers', 'localhost'], { environment: {} }),
    ).rejects.toMatchObject({ suggestedFix: expect.stringContaining('9092') as string })
  })
})
