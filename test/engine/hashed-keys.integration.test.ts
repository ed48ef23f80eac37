import { createHmac, randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { expect, inject, test } from 'vitest'
import { topicName } from '../../engine/log/kafka/topic-names.ts'
import { markMaskKey } from '../../engine/mask-key-mark.ts'
import type { PlannedStream, StreamResult } from '../../engine/run-types.ts'
import { dumpOf, topicsOf } from '../support/all-texts.ts'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { resolveRules, ruledStream, ruleFacts } from '../../plan/streams/resolve-rules.ts'
import { columnsOf } from '../../protocol/index.ts'
import { sinkColumn } from '../../protocol/rules/record-rules.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { createServedTopic } from '../support/kafka.ts'

const maskKey = 'the key of the masks'
const hashOf = (text: string): string => createHmac('sha256', maskKey).update(text).digest('hex')

/** The stream with hashes in place of its e-mail addresses. */
function masked(planned: PlannedStream): PlannedStream {
  const { stream } = planned.stream
  const columns = columnsOf(stream.json_schema)
  const rules = resolveRules({
    stream,
    fields: { mask: { email: 'hash' } },
    chosen: { columns: columns.map(({ name }) => name), excluded: [], problems: [] },
    sync: {
      syncMode: 'full_refresh',
      mode: 'append_dedup',
      cursorField: undefined,
      primaryKey: ['email', 'part'],
    },
    path: [],
  })
  if (rules === undefined || 'problems' in rules) throw new TypeError('the mask is refused')
  return {
    ...planned,
    stream: ruledStream(planned.stream, rules),
    columns: rules.columns.map(sinkColumn),
    rules: ruleFacts(rules, stream),
    source: { stream: planned.stream, rules },
  }
}

interface Databases {
  readonly from: TestDatabase
  readonly to: TestDatabase
}

interface Options {
  readonly connection: string
  readonly log: LogName
  readonly maskKey?: string
}

async function run(
  { from, to }: Databases,
  { connection, log, maskKey: key = maskKey }: Options,
): Promise<StreamResult> {
  const plan = await planRun({
    connection,
    source: { type: 'postgres', config: { ...from.address, schemas: ['public'] } },
    destination: to.address,
    schema: 'warehouse',
    log: logConfig(log),
    mode: 'append_dedup',
    key: ['email', 'part'],
    types: 'source',
  })
  const streams = markMaskKey(plan.streams.map(masked), { connection, maskKey: key })
  const { result } = await runPlan({ ...plan, maskKey: key, streams })
  const [stream] = result.streams
  if (stream === undefined) throw new TypeError('the run has no stream')
  expect(stream.error).toBeUndefined()
  return stream
}

/** The topic takes messages of up to 1 MiB. */
async function makeTopic(connection: string): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: [...inject('kafkaBrokers')],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  const topic = topicName(connection, { namespace: 'public', name: 'people' })
  const configEntries = [{ name: 'max.message.bytes', value: '1048576' }]
  await createServedTopic(admin, { topic, configEntries })
  await admin.disconnect()
}

test.each(['embedded', 'kafka record'] as const)(
  'a rejected record is named by the hash of its key, and another key of the hashes is noticed: %s log',
  async (log) => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    const connection = `hashed-${randomUUID().slice(0, 8)}`
    // The first is too large for the topic, the second for the index of the key.
    await from.query(
      `CREATE TABLE people (email text, part text, note text);
       INSERT INTO people VALUES ('ada@secret.example', 'a', repeat('x', 2000000)), ('cy@secret.example', 'c', 'y');
       INSERT INTO people SELECT 'bob@secret.example', string_agg(md5(i::text), ''), 'y' FROM generate_series(1, 300) i`,
    )
    if (log !== 'embedded') await makeTopic(connection)
    const options = { connection, log }
    const { rejected } = await run({ from, to }, options)
    const names = log === 'embedded' ? ['bob'] : ['ada', 'bob']
    expect(rejected).toBe(names.length)
    const places = [await dumpOf(to)]
    if (log !== 'embedded') places.push(await topicsOf(inject('kafkaBrokers'), connection))
    for (const text of places) {
      expect(text).not.toContain('secret.example')
      for (const name of ['ada', 'cy', 'bob'])
        expect(text.includes(hashOf(`${name}@secret.example`))).toBe(true)
    }
    const found = await to.query('SELECT key FROM reactor_connect.rejected_records ORDER BY seq')
    const keys = found.map(({ key }) => String(key))
    for (const [index, name] of names.entries())
      expect(keys[index]).toContain(hashOf(`${name}@secret.example`))

    const other = { ...options, maskKey: 'another key of the masks' }
    const { warnings } = await run({ from, to }, other)
    expect(warnings.join()).toContain(
      '`mask_key` is another one than in the last run of public.people',
    )
    expect(warnings.join()).toContain('Empty its table')
    expect((await run({ from, to }, other)).warnings.join()).not.toContain('mask_key')
    expect(await dumpOf(to)).not.toContain(other.maskKey)
  },
)
