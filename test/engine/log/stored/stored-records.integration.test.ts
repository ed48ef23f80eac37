import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { expect, inject, test } from 'vitest'
import { topicName } from '../../../../engine/log/kafka/topic-names.ts'
import type { StorageConfig } from '../../../../storage/storage-config.ts'
import { S3Server } from '../../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../../fakes/s3/versity-gateway.ts'
import {
  logConfig,
  planRun,
  runPlan,
  type EngineRun,
  type LogName,
} from '../../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../../support/postgres.ts'
import { longTest, usually } from '../../../support/long.ts'
import { createServedTopic } from '../../../support/kafka.ts'

const mib = 1024 * 1024
/** `npm run test:long -- storage`: all logs, with a real S3 server, which needs Go. */
const isLong = process.env.REAL_S3 !== undefined
const stream = { namespace: 'public', name: 'large' }

interface Loading extends AsyncDisposable {
  readonly connection: string
  readonly db: TestDatabase
  run(storage?: StorageConfig): Promise<EngineRun>
  /** How many rows the destination has, and whether they are those of the source. */
  loaded(): Promise<readonly unknown[]>
}

/** A table with small rows and one of `sizeMib` MiB. */
async function loading(
  log: LogName,
  { sizeMib, topicMib }: { readonly sizeMib: number; readonly topicMib?: number },
): Promise<Loading> {
  const connection = `stored-${randomUUID().slice(0, 8)}`
  if (topicMib !== undefined) await makeTopic(topicName(connection, stream), topicMib * mib)
  const db = await testDatabase()
  await db.query(
    `CREATE TABLE large (id int PRIMARY KEY, t text);
     INSERT INTO large SELECT n, 'small ' || n FROM generate_series(1, 100) AS n;
     UPDATE large SET t = repeat('0123456789abcdef', ${String((sizeMib * mib) / 16)}) WHERE id = 50`,
  )
  const plan = await planRun({
    connection,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: db.address,
    schema: 'warehouse',
    log: logConfig(log),
    mode: 'append_dedup',
  })
  return {
    ...{ connection, db },
    run: async (storage) =>
      runPlan({ ...plan, log: { ...plan.log, ...(storage !== undefined && { storage }) } }),
    loaded: () =>
      db.query(
        `SELECT count(*)::int AS rows, bool_and(w.t = s.t) AS same
         FROM warehouse.large w JOIN public.large s USING (id)`,
      ),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}

async function makeTopic(topic: string, maxBytes: number): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: inject('kafkaBrokers'),
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: String(maxBytes) }]
  await createServedTopic(admin, { topic, configEntries })
  await admin.disconnect()
}

const all = { read: 100, loaded: 100, rejected: 0 }

const sizes: readonly (readonly [number, LogName])[] = [
  [100, 'kafka block'],
  ...(isLong
    ? ([['embedded'], ['kafka record']] as const).map(([log]) => [100, log] as const)
    : []),
]

longTest.each(sizes)(
  'a record of %i MiB arrives through the %s log by way of Storage',
  async (sizeMib, log) => {
    await using storage = await (isLong ? startVersityGateway() : S3Server.start())
    await using table = await loading(log, { sizeMib })
    const { result } = await table.run(storage.config)
    expect(result.streams[0]?.error).toBeUndefined()
    expect(result.streams[0]).toMatchObject(all)
    expect(await table.loaded()).toEqual([{ rows: 100, same: true }])
  },
  300_000,
)

test.each(usually(1, ['kafka block', 'kafka record'] as const))(
  'so does one that is larger than a message of its topic may be (%s)',
  async (log) => {
    await using s3 = await S3Server.start()
    await using table = await loading(log, { sizeMib: 3, topicMib: 1 })
    const { result } = await table.run(s3.config)
    expect(result.streams[0]).toMatchObject(all)
    expect(await table.loaded()).toEqual([{ rows: 100, same: true }])
    const keys = [...s3.objects.keys()]
    expect(keys).toHaveLength(1)
    expect(keys[0]).toMatch(
      new RegExp(`^records/${table.connection}/\\d{8}T\\d{6}Z/public\\.large-`),
    )
  },
)

test('a record that cannot be read from Storage is not left out: the next run loads it', async () => {
  await using s3 = await S3Server.start()
  await using table = await loading('kafka block', { sizeMib: 3, topicMib: 1 })
  s3.onRequest = ({ method, path }) =>
    method === 'GET' && path.includes('/records/') ? { status: 403 } : undefined
  const { result: refused } = await table.run(s3.config)
  expect(refused.streams[0]).toMatchObject({
    status: 'failed',
    error: { code: 'storage_refused' },
  })
  s3.onRequest = undefined
  const { result } = await table.run(s3.config)
  expect(result.streams[0]).toMatchObject({ status: 'complete', rejected: 0 })
  expect(await table.loaded()).toEqual([{ rows: 100, same: true }])
})

longTest('objects of the connection that have expired are deleted, others are not', async () => {
  await using s3 = await S3Server.start()
  await using table = await loading('embedded', { sizeMib: 0 })
  const own = `records/${table.connection}`
  const old = '20200101T000000Z/public.large-1'
  const keys = [`${own}/${old}`, `${own}/99990101T000000Z/x`, `${own}/kept/x`, `records/a/${old}`]
  s3.buckets.set(s3.config.bucket, new Map(keys.map((key) => [key, Buffer.from('x')])))
  await table.run(s3.config)
  expect([...s3.objects.keys()]).toEqual(keys.slice(1))
})

test('small records do not need Storage: that it is away is a warning', async () => {
  const s3 = await S3Server.start()
  await s3[Symbol.asyncDispose]()
  await using table = await loading('embedded', { sizeMib: 0 })
  const { result, log } = await table.run(s3.config)
  expect(result.streams[0]).toMatchObject(all)
  expect(log).toMatchObject([
    { code: 'storage_unavailable', msg: 'old objects in Storage are not deleted now' },
  ])
  expect(JSON.stringify(log)).not.toContain(s3.config.secretAccessKey)
})
