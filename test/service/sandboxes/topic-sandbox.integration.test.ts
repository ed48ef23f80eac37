import { expect, test } from 'vitest'
import type { Run } from '../../../service/runs/schema.ts'
import type { FinishedSandbox } from '../../../service/sandboxes/schema.ts'
import type { Service } from '../../../service/service.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { startFakeRegistry } from '../../sinks/topic/registry/fake-registry.ts'
import { asAdmin, readTopic } from '../../sinks/topic/topic-support.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runToEnd, testService } from '../../support/test-service.ts'
import { longTest } from '../../support/long.ts'

const principal = 'key_1'

type Servers = Pick<TopicPlace, 'servers'>

function servers(brokers: readonly string[]): Servers {
  return { servers: { brokers, clientId: 'test', ssl: false } }
}

/**
 * Returns all traces of the connection in the cluster: its topics with the next offsets, and the facts about
 * it that are stored elsewhere.
 */
async function traces(place: Servers, name: string): Promise<unknown> {
  const offsets = await asAdmin(place, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.includes(name)).sort()
    return Promise.all(
      topics.map(async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const),
    )
  })
  const control = await readTopic(place, 'connect-control')
  const rejected = await readTopic(place, 'connect-rejected')
  const isOwn = ({ key }: { readonly key: string | null }): boolean => key?.includes(name) === true
  return { offsets, told: [...control, ...rejected].filter(isOwn).length }
}

async function shopOf({ instances }: Service, name: string): Promise<TestDatabase> {
  const source = await testDatabase()
  await source.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, version int, body text, big bigint);
     INSERT INTO orders SELECT i, i, 'order ' || i, 9007199254740993 FROM generate_series(1, 150) i`,
  )
  await instances.create({
    name,
    type: 'postgres',
    config: { ...source.address, schemas: ['public'] },
  })
  return source
}

const orders = { name: 'orders', syncMode: 'incremental', cursorField: 'version' } as const

function sandboxOf({ sandboxes }: Service, name: string): Promise<FinishedSandbox> {
  return sandboxes.run(name, { limitRows: 100, principal })
}

test('a sandbox of topics shows the messages, and sends none; its token lets them be sent', async () => {
  const { brokers, prefix: name } = testKafka()
  const cluster = servers(brokers)
  await using place = await testService({ kafkaBrokers: brokers })
  const { service } = place
  await using source = await shopOf(service, name)
  const destination = `topic:${name}.{stream}`
  const { connections, sandboxes, runs } = service
  await connections.create({ name, from: name, destination, streams: [orders] })
  const before = await traces(cluster, name)
  const first = await sandboxOf(service, name)
  expect(await traces(cluster, name)).toEqual(before)
  expect(first).toMatchObject({ status: 'ready', report: { schema: null, status: 'partial' } })
  const { stream, messages } = onlyStream(first)
  const { read } = stream
  expect(stream).toMatchObject({ mode: 'append_dedup', complete: false, rejected: 0 })
  expect(stream.table).toBeUndefined()
  expect(messages).toMatchObject({
    topic: `${name}.orders`,
    topic_exists: false,
    format: 'json',
    compared_with: 'nothing',
    rows: read,
    deletes: 0,
  })
  expect(read).toBeGreaterThanOrEqual(100)
  expect(messages.partitions?.reduce((sum, count) => sum + count)).toBe(read)
  expect(messages.samples).toHaveLength(20)
  expect(messages.samples.at(0)).toMatchObject({
    value: expect.stringContaining('"big":9007199254740993') as string,
  })
  // The rows are nowhere else.
  await expect(sandboxes.rows(name, first.id)).rejects.toMatchObject({ code: 'sandbox_rows_gone' })
  expect(await sandboxes.get(name, first.id)).toMatchObject({
    report: { streams: [{ messages: { rows: read, samples: [] } }] },
  })
  expect(await dumpOf(place.metadata)).not.toContain('order 1')

  place.work()
  const run = await promoted(service, first)
  expect(await runToEnd(runs, run)).toMatchObject({ status: 'complete', loaded: 150 })
  const sent = await readTopic(cluster, `${name}.orders`)
  for (const { partition, key, value } of messages.samples) {
    const own = sent.filter((message) => message.key === key)
    expect(own).toMatchObject([{ partition }])
    expect(own.map((message) => withoutTimes(JSON.stringify(message.value)))).toEqual([
      withoutTimes(value),
    ])
  }

  await source.query(`UPDATE orders SET version = 1000, body = 'changed' WHERE id = 7`)
  const idle = await traces(cluster, name)
  const second = await sandboxOf(service, name)
  expect(await traces(cluster, name)).toEqual(idle)
  const { messages: next } = onlyStream(second)
  expect(next).toMatchObject({ topic_exists: true })
  expect(next.samples.map(({ key }) => key)).toContain('{"id":7}')
  expect(next.rows).toBeLessThanOrEqual(2)
  // A run in between makes its token outdated.
  await runToEnd(runs, await runs.start(name))
  const outdated = await sandboxes.promote(name, { token: second.promoteToken ?? '', principal })
  expect(outdated).toMatchObject({ state: 'outdated', moved: ['destination', 'run'] })
})

type Stream = FinishedSandbox['report']['streams'][number]

function onlyStream({ report }: FinishedSandbox): {
  readonly stream: Stream
  readonly messages: NonNullable<Stream['messages']>
} {
  const [stream] = report.streams
  if (stream?.messages === undefined) throw new Error(JSON.stringify(report))
  return { stream, messages: stream.messages }
}

async function promoted({ sandboxes }: Service, sandbox: FinishedSandbox): Promise<Run> {
  const token = sandbox.promoteToken ?? ''
  const promotion = await sandboxes.promote(sandbox.connection, { token, principal })
  if (promotion.state === 'promoted') return promotion.run
  throw new Error(JSON.stringify(promotion))
}

/** A row as data, without when it was read and in which sync. */
function withoutTimes(text: string | null): unknown {
  const row = JSON.parse(text ?? 'null') as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(row).filter(([field]) => !['_airbyte_extracted_at'].includes(field)),
  )
}

test('deleted and rejected records are counted, and a mode without a key is an error of the stream', async () => {
  const { brokers, prefix: name } = testKafka()
  await using place = await testService({ kafkaBrokers: brokers })
  const { service } = place
  await using source = await testDatabase()
  await source.query(
    `CREATE TABLE marked (id int PRIMARY KEY, version int, code text, _ab_cdc_deleted_at timestamptz);
     INSERT INTO marked VALUES (1, 1, 'a', NULL), (2, 2, NULL, NULL), (3, 3, 'c', now());
     CREATE TABLE keyless (body text); INSERT INTO keyless VALUES ('x')`,
  )
  await service.instances.create({
    name,
    type: 'postgres',
    config: { ...source.address, schemas: ['public'] },
  })
  const marked = { ...orders, name: 'marked', primaryKey: ['code'] }
  const destination = `topic:${name}.{stream}`
  const { connections } = service
  await connections.create({ name, from: name, destination, streams: [marked] })
  const { report } = await sandboxOf(service, name)
  expect(report.streams[0]).toMatchObject({
    complete: true,
    read: 3,
    rejected: 1,
    messages: { rows: 1, deletes: 1 },
  })
  expect(report.streams[0]?.messages?.samples).toEqual([
    expect.objectContaining({ key: '{"code":"a"}' }),
    expect.objectContaining({ key: '{"code":"c"}', value: null }),
  ])
  const all = `${name}-all`
  await connections.create({ name: all, from: name, destination: `topic:${name}-all.{stream}` })
  const whole = await sandboxOf(service, all)
  expect(whole).toMatchObject({ promoteToken: null, tokenWithheld: 'failed_streams' })
  const keyless = whole.report.streams.find((stream) => stream.name === 'keyless')
  expect(keyless?.error).toMatchObject({ code: 'destination_mode_unsupported' })
  expect((await traces(servers(brokers), name)) as { offsets: unknown }).toMatchObject({
    offsets: [],
  })
})

longTest('a sandbox registers no schema, and says what the registry would refuse', async () => {
  const { brokers, prefix: name } = testKafka()
  await using registry = await startFakeRegistry()
  await using place = await testService({
    kafkaBrokers: brokers,
    environment: { REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_URL: registry.url },
  })
  const { service } = place
  await using source = await shopOf(service, name)
  const { connections, runs } = service
  await connections.create({
    name,
    from: name,
    destination: `topic:${name}.{stream}`,
    streams: [orders],
    options: { format: 'avro', envelope: 'debezium' },
    activate: true,
  })
  const first = await sandboxOf(service, name)
  const writes = registry.requests.filter(
    ({ method, path }) => method === 'POST' && path.endsWith('/versions'),
  )
  expect(writes).toEqual([])
  const { messages } = first.report.streams[0] ?? {}
  // The number of the key's schema is in the key.
  expect(messages).toMatchObject({ format: 'avro', envelope: 'debezium', partitions: null })
  expect(JSON.parse(messages?.samples[0]?.key ?? '')).toEqual({ id: 1 })
  expect(messages?.samples[0]?.value).toContain('"big":9007199254740993')
  place.work()
  expect(await runToEnd(runs, await runs.start(name))).toMatchObject({ status: 'complete' })
  await source.query('ALTER TABLE orders ADD COLUMN note text')
  await service.instances.discover(name, { refresh: true })
  const second = await sandboxOf(service, name)
  expect(second.report.streams[0]?.messages?.partitions).not.toBeNull()
  registry.strict.add(`${name}.orders-value`)
  await source.query('ALTER TABLE orders ADD COLUMN second int')
  const refused = await sandboxOf(service, name)
  expect(refused.report.streams[0]?.error).toMatchObject({ code: 'schema_incompatible' })
  expect(refused.promoteToken).toBeNull()
})
