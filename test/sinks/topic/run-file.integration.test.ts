import { expect, inject, test } from 'vitest'
import { runHere } from '../../cli/run-here.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { dataOf, newestRows, readTopic } from './topic-support.ts'
import { usually } from '../../support/long.ts'

const servers = (): { brokers: string[]; clientId: string; ssl: false } => ({
  brokers: inject('kafkaBrokers'),
  clientId: 'test',
  ssl: false,
})

const users = { name: 'users', rows: 500, slices: 2, state_every: 100 }

test.each(usually(1, ['embedded', 'kafka'] as const))(
  'a run file loads its streams into topics, over the %s log',
  async (log) => {
    const { brokers, prefix: connection } = testKafka()
    await using file = await runFile({
      connection,
      source: {
        type: 'faker',
        config: { seed: 3, streams: [users, { ...users, name: 'orders' }] },
      },
      destination: { type: 'topic', url: `topic:${connection}.{stream}`, config: { brokers } },
      log: log === 'kafka' ? { kafka: { brokers } } : 'embedded',
    })
    const end = await runHere(file.path, { args: ['--json'] })
    expect(end.stderr).not.toContain('error')
    expect(end.code).toBe(0)
    for (const stream of ['users', 'orders']) {
      const messages = await readTopic({ servers: servers() }, `${connection}.${stream}`)
      expect(newestRows(messages)).toHaveLength(500)
      expect(new Set(messages.map(({ partition }) => partition)).size).toBe(6)
    }
  },
)

test('a column that the source adds is in the rows, and in a note', async () => {
  const { brokers, prefix: connection } = testKafka()
  await using shop = await testDatabase()
  await shop.query('CREATE TABLE things (id int PRIMARY KEY, body text)')
  await shop.query(`INSERT INTO things VALUES (1, 'a'), (2, 'b')`)
  await using file = await runFile({
    connection,
    source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
    destination: { type: 'topic', config: { topic: `${connection}.things`, brokers } },
    streams: [{ name: 'things', destination_sync_mode: 'overwrite_dedup' }],
  })
  expect(await runHere(file.path)).toMatchObject({ code: 0 })
  await shop.query(`ALTER TABLE things ADD COLUMN price numeric DEFAULT 7`)
  await shop.query('DELETE FROM things WHERE id = 1')
  const second = await runHere(file.path)
  expect(second.code).toBe(0)
  expect(second.stderr).toContain('column price was added')
  const messages = await readTopic({ servers: servers() }, `${connection}.things`)
  expect(dataOf(newestRows(messages))).toEqual([
    { id: 2, body: 'b', price: expect.anything() as unknown },
  ])
})

test('streams that would share a topic are refused before anything is loaded', async () => {
  const { brokers, prefix: connection } = testKafka()
  await using file = await runFile({
    connection,
    source: { type: 'faker', config: { seed: 3, streams: [users, { ...users, name: 'orders' }] } },
    destination: { type: 'topic', url: `topic:${connection}`, config: { brokers } },
  })
  const end = await runHere(file.path)
  expect(end.code).toBe(1)
  expect(end.stderr).toContain('would both be loaded into topic')
  expect(end.stderr).toContain(`${connection}.{stream}`)
})

test('no secret of the destination is shown', async () => {
  await using file = await runFile({
    connection: 'secrets',
    source: { type: 'faker', config: { seed: 3, streams: [users] } },
    destination: {
      type: 'topic',
      config: {
        topic: 'secrets.users',
        brokers: inject('kafkaBrokers'),
        sasl: { mechanism: 'plain', username: 'loader', password: 'hunter2-hunter2' },
      },
    },
  })
  const end = await runHere(file.path, { args: ['--log-level', 'debug'] })
  expect(end.code).not.toBe(0)
  expect(`${end.stdout}${end.stderr}`).not.toContain('hunter2')
})
