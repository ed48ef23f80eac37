import { expect, test } from 'vitest'
import type { ErrorCodeName } from '../../../protocol/index.ts'
import type { Service } from '../../../service/service.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { startFakeRegistry } from '../../sinks/topic/registry/fake-registry.ts'
import { asAdmin, dataOf, newestRows, readTopic } from '../../sinks/topic/topic-support.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'
import { longTest } from '../../support/long.ts'

/** In every password of this file, and nowhere else. */
const mark = 'planted-6f1d9c2b7a'

function servers(): Pick<TopicPlace, 'servers'> {
  return { servers: { brokers: testKafka().brokers, clientId: 'test', ssl: false } }
}

async function shopOf(test: Pick<TestService, 'service'>, name: string): Promise<TestDatabase> {
  const source = await testDatabase()
  await source.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, body text, price numeric);
     INSERT INTO orders SELECT i, 'order ' || i, i / 4.0 FROM generate_series(1, 300) i`,
  )
  const config = { ...source.address, schemas: ['public'] }
  await test.service.instances.create({ name, type: 'postgres', config })
  return source
}

async function sourceRows(source: TestDatabase): Promise<readonly object[]> {
  return source.query('SELECT id::int, body, price::float8 FROM orders ORDER BY id')
}

async function runOnce({ runs }: Service, name: string): Promise<void> {
  expect(await runToEnd(runs, await runs.start(name))).toMatchObject({ status: 'complete' })
}

test('the rows of a topic are those of the source, after changes, deletions and a reset', async () => {
  const { brokers, prefix: name } = testKafka()
  await using place = await testService({ kafkaBrokers: brokers })
  const { connections } = place.service
  await using source = await shopOf(place, name)
  const topic = `${name}.orders`
  const created = await connections.create({
    name,
    from: name,
    destination: `topic:${name}.{stream}`,
    activate: true,
    streams: [{ name: 'orders', destinationSyncMode: 'overwrite_dedup' }],
    options: { partitions: 2 },
  })
  expect(created).toMatchObject({ status: 'active', options: { partitions: 2 } })
  place.work()
  await runOnce(place.service, name)
  const first = await readTopic(servers(), topic)
  expect(dataOf(newestRows(first))).toEqual(await sourceRows(source))
  expect(new Set(first.map(({ partition }) => partition))).toEqual(new Set([0, 1]))

  await source.query(
    `UPDATE orders SET body = 'changed' WHERE id = 7; DELETE FROM orders WHERE id > 290`,
  )
  await runOnce(place.service, name)
  expect(dataOf(newestRows(await readTopic(servers(), topic)))).toEqual(await sourceRows(source))

  await connections.reset(name)
  await runOnce(place.service, name)
  expect(dataOf(newestRows(await readTopic(servers(), topic)))).toEqual(await sourceRows(source))
  await connections.delete(name)
  // The rows stay.
  expect(dataOf(newestRows(await readTopic(servers(), topic)))).toEqual(await sourceRows(source))
})

test('rows in Avro have their schemas in the registry of the settings, whose password is nowhere else', async () => {
  const { brokers, prefix: name } = testKafka()
  await using registry = await startFakeRegistry()
  await using place = await testService({
    kafkaBrokers: brokers,
    logLevel: 'trace',
    environment: {
      REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_URL: registry.url,
      REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_USERNAME: 'loader',
      REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_PASSWORD: mark,
    },
  })
  const { connections, runs } = place.service
  await using source = await shopOf(place, name)
  expect(await sourceRows(source)).toHaveLength(300)
  const destination = `topic:${name}.{stream}`
  const options = { format: 'avro' } as const
  const made = await connections.create({ name, from: name, destination, options, activate: true })
  place.work()
  const run = await runToEnd(runs, await runs.start(name))
  expect(run).toMatchObject({ status: 'complete', loaded: 300 })
  const login = `Basic ${Buffer.from(`loader:${mark}`).toString('base64')}`
  expect(new Set(registry.requests.map(({ authorization }) => authorization))).toEqual(
    new Set([login]),
  )
  expect(registry.requests.map(({ path }) => path)).toContain(
    `/subjects/${name}.orders-value/versions`,
  )
  registry.scripted.push({ status: 401, body: { error_code: 40101, message: `not ${mark}` } })
  const refused = await connections
    .create({ name: `${name}-2`, from: name, destination: `topic:${name}-2.{stream}`, options })
    .catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'schema_registry_refused' })
  const texts = [
    JSON.stringify([made, run, refused]),
    place.logged.join('\n'),
    await dumpOf(place.metadata),
  ]
  for (const text of texts) expect(text).not.toContain(mark)
})

test('what a topic cannot be is said before the connection is made', async () => {
  const { brokers, prefix: name } = testKafka()
  await using place = await testService({ kafkaBrokers: brokers })
  const { connections, instances } = place.service
  await using source = await shopOf(place, name)
  await source.query('CREATE TABLE keyless (body text)')
  const append = { name: 'keyless', destinationSyncMode: 'append' } as const
  const good = { name, from: name, destination: `topic:${name}.{stream}` }
  const wrong: readonly (readonly [object, ErrorCodeName])[] = [
    [{ destination: 'topic:' }, 'destination_invalid'],
    [{ destination: 'topic:connect.mine' }, 'destination_invalid'],
    [{ destination: 'topic:{table}' }, 'destination_invalid'],
    [{ destination: `topic:${name}` }, 'destination_topic_shared'],
    [{ streams: [{ name: 'keyless' }] }, 'destination_mode_unsupported'],
    [{ destination: 'data:shop', options: { format: 'avro' } }, 'destination_option_unsupported'],
    [{ destination: 'data:shop', options: { partitions: 3 } }, 'destination_option_unsupported'],
  ]
  for (const [part, code] of wrong)
    await expect(
      connections.create({ ...good, ...part }),
      JSON.stringify(part),
    ).rejects.toMatchObject({ code })
  await connections.create({ ...good, streams: [append] })
  await expect(
    connections.update(name, { destination: 'data:shop', options: { envelope: 'debezium' } }),
  ).rejects.toMatchObject({ code: 'destination_option_unsupported' })
  await connections.update(name, { streams: [append, { name: 'orders' }] })
  await expect(connections.update(name, { destination: `topic:${name}` })).rejects.toMatchObject({
    code: 'destination_topic_shared',
  })
  await expect(
    connections.create({ ...good, name: `${name}-2`, streams: [{ name: 'orders' }] }),
  ).rejects.toMatchObject({ code: 'destination_topic_shared' })
  await connections.update(name, { streams: [append] })
  await expect(connections.create({ ...good, name: `${name}-3` })).rejects.toMatchObject({
    code: 'destination_topic_shared',
  })
  await connections.delete(name)
  // The stream without a key fails in each run, and the other streams are loaded.
  await instances.get(name)
  const all = await connections.create({ ...good, name: `${name}-all`, activate: true })
  place.work()
  const { runs } = place.service
  const run = await runToEnd(runs, await runs.start(all.name))
  expect(run).toMatchObject({ status: 'partial', loaded: 300 })
  expect(run.streams.find((stream) => stream.name === 'keyless')?.error).toMatchObject({
    code: 'destination_mode_unsupported',
  })
})

longTest('without brokers, and with brokers that do not respond, nothing is made', async () => {
  const destination = 'topic:shop.{stream}'
  for (const [kafkaBrokers, code] of [
    [[], 'destination_not_available'],
    [['127.0.0.1:1'], 'kafka_unreachable'],
  ] as const) {
    await using place = await testService({ kafkaBrokers })
    const { connections } = place.service
    await using source = await shopOf(place, 'shop')
    const shop = { name: 'shop', from: 'shop', destination, options: { log: 'embedded' } } as const
    await expect(connections.create(shop)).rejects.toMatchObject({ code })
    expect(await connections.list({})).toMatchObject({ items: [] })
    expect(await sourceRows(source)).toHaveLength(300)
  }
})

test('a connection that is deleted, and was never run, leaves no topic of its own', async () => {
  const { brokers, prefix: name } = testKafka()
  await using place = await testService({ kafkaBrokers: brokers })
  const { connections } = place.service
  await using source = await shopOf(place, name)
  await connections.create({ name, from: name, destination: `topic:${name}.{stream}` })
  expect(await sourceRows(source)).toHaveLength(300)
  await connections.reset(name)
  await connections.delete(name)
  const topics = await asAdmin(servers(), (admin) => admin.listTopics())
  expect(topics.filter((topic) => topic.includes(name))).toEqual([])
})

longTest(
  'a table that appears later does not bring a connection into the topic of another one',
  async () => {
    const { brokers, prefix: name } = testKafka()
    await using place = await testService({ kafkaBrokers: brokers })
    const { connections, instances, runs } = place.service
    await using source = await shopOf(place, name)
    const topic = `${name}.orders`
    const destination = `topic:${name}.{stream}`
    await connections.create({ name, from: name, destination, activate: true })
    place.work()
    await runOnce(place.service, name)
    await using other = await testDatabase()
    await other.query('CREATE TABLE mine (id bigint PRIMARY KEY); INSERT INTO mine VALUES (1)')
    const config = { ...other.address, schemas: ['public'] }
    const second = `${name}-2`
    await instances.create({ name: second, type: 'postgres', config })
    await connections.create({ name: second, from: second, destination, activate: true })
    await runOnce(place.service, second)
    await other.query('CREATE TABLE orders (id bigint PRIMARY KEY, body text, price numeric)')
    const refused = { status: 'failed', error: { code: 'destination_topic_shared' } }
    // Nor by a second try, or by other options.
    expect(await runToEnd(runs, await runs.start(second))).toMatchObject(refused)
    expect(await runToEnd(runs, await runs.start(second))).toMatchObject(refused)
    const ignore = { options: { schemaDrift: 'ignore' } } as const
    await expect(connections.update(second, ignore)).rejects.toMatchObject({
      code: 'destination_topic_shared',
    })
    await runOnce(place.service, name)
    expect(dataOf(newestRows(await readTopic(servers(), topic)))).toEqual(await sourceRows(source))
  },
)
