import { expect, test } from 'vitest'
import { z } from 'zod'
import { readTopic } from '../../sinks/topic/topic-support.ts'
import { testKafka } from '../../support/kafka.ts'
import { metadataTemplate, testDatabase } from '../../support/postgres.ts'
import { hasEnded, runSchema, runWhen, serviceFolder } from '../../support/service-process.ts'

const rows = 6_000
const sandboxSchema = z.object({
  report: z.object({
    streams: z.array(
      z.object({ messages: z.object({ rows: z.number(), samples: z.array(z.unknown()) }) }),
    ),
  }),
  promote_token: z.string(),
})

test('over HTTP: a sandbox, its promotion, a kill -9, and each row is in the topic once', async () => {
  await using metadata = await testDatabase(metadataTemplate)
  await using folder = await serviceFolder()
  const { brokers, prefix: name } = testKafka()
  const environment = {
    REACTOR_CONNECT_DATABASE_URL: metadata.url,
    KAFKA_BROKERS: brokers.join(','),
  }
  const topic = `${name}.items`
  const servers = { brokers, clientId: 'test', ssl: false }
  const first = await folder.start({ environment })
  const stream = {
    name: 'items',
    columns: 'narrow',
    rows,
    rows_per_second: 1_000,
    state_every: 500,
  }
  await first.ask(z.unknown(), '/instances', {
    body: { name, type: 'faker', config: { streams: [stream] } },
  })
  const connection = await first.ask(z.looseObject({ status: z.string() }), '/connections', {
    body: {
      name,
      from: name,
      destination: `topic:${name}.{stream}`,
      streams: [{ name: 'items', destination_sync_mode: 'append', sync_mode: 'incremental' }],
      options: { partitions: 3, log: 'embedded' },
    },
  })
  expect(connection).toMatchObject({ status: 'inactive', options: { partitions: 3 } })
  const sandbox = await first.ask(sandboxSchema, `/connections/${name}/sandbox`, {
    body: { limit_rows: 50 },
  })
  expect(sandbox.report.streams[0]?.messages.samples).toHaveLength(20)
  const { run } = await first.ask(
    z.object({ run: runSchema.pick({ id: true }) }),
    `/connections/${name}/promote`,
    { body: { token: sandbox.promote_token } },
  )
  await runWhen(first, run.id, ({ loaded }) => loaded > 1_000)
  await first.kill9()

  const second = await folder.start({ environment, key: first.key })
  const ended = await runWhen(second, run.id, hasEnded)
  expect(ended).toMatchObject({ status: 'complete', attempts: 2, read: rows, loaded: rows })
  const messages = await readTopic({ servers }, topic)
  expect(messages).toHaveLength(rows)
  const ids = new Set(
    messages.map(({ value }) => z.looseObject({ id: z.number() }).parse(value).id),
  )
  expect(ids.size).toBe(rows)
  expect(new Set(messages.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]))
  expect(await second.stop()).toBe(0)
}, 120_000)
