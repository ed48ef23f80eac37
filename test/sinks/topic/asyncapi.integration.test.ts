import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { RecordData } from '../../../protocol/index.ts'
import { checkpointTopic, controlTopic, rejectedTopic } from '../../../sinks/topic/own-names.ts'
import type { RowFormat } from '../../../sinks/topic/rows/row-options.ts'
import { exampleColumns, exampleTopic } from '../../docs/asyncapi-rows.ts'
import { readTopic, type ReadMessage } from '../../support/read-topic.ts'
import { avroReader } from './rows/messages.ts'
import { syncOnce, topicStream, topicTest, type TopicTest } from './topic-support.ts'
import { usually } from '../../support/long.ts'

/** Real messages of each form, and of the topics of our own, are as docs/asyncapi.json describes them. */
const document = JSON.parse(readFileSync('docs/asyncapi.json', 'utf8')) as AsyncApi
const ajv = new Ajv2020({ strict: false, validateFormats: false })
ajv.addSchema(document, 'document')

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly messages: object }>>
  readonly components: {
    readonly messages: Readonly<
      Record<
        string,
        {
          readonly headers?: object
          readonly bindings?: { readonly kafka: { readonly key: object } }
          readonly payload: { readonly schema?: unknown }
        }
      >
    >
    readonly schemas: Readonly<Record<string, { readonly properties: object }>>
  }
}

const validator = (pointer: string): ValidateFunction =>
  ajv.getSchema(`document#/components/messages/${pointer}`) ??
  expect.fail(`no schema of ${pointer}`)

function expectValid(pointer: string, value: unknown): void {
  const validate = validator(pointer)
  const isValid = validate(value)
  expect(validate.errors ?? [], pointer).toEqual([])
  expect(isValid, pointer).toBe(true)
}

const json = (bytes: Buffer | null): unknown => JSON.parse(String(bytes))

const whole: RecordData = {
  id: 1,
  a_boolean: true,
  a_integer: 2n ** 62n,
  a_number: 1.5,
  a_double: -0.25,
  a_string: 'x "y"',
  a_date: '2026-01-31',
  a_timestamptz: '2026-01-31T12:00:00.123456Z',
  a_timestamp: '2026-01-31T12:00:00',
  a_timetz: '12:00:00+02',
  a_time: '24:00:00',
  a_bytes: Uint8Array.of(0, 255),
  a_json: { a: [1, null] },
  _ab_cdc_deleted_at: null,
}
const nulls: RecordData = Object.fromEntries(exampleColumns.map(({ name }) => [name, null]))
const first = [whole, { ...nulls, id: 2 }, { ...whole, id: 3 }]
const second = [whole, nulls, { ...nulls, id: 2, _ab_cdc_deleted_at: '2026-02-01T00:00:00Z' }]

/**
 * Two overwrites: rows, one that is marked as deleted, one without a key, and one that the second read does
 * not have.
 */
async function load(format: RowFormat): Promise<{ target: TopicTest; messages: ReadMessage[] }> {
  const target = topicTest({ format })
  const sink = {
    ...topicStream(target, { mode: 'overwrite_dedup', key: ['id'], namespace: 'shop' }),
    columns: exampleColumns,
  }
  await syncOnce(target, sink, first)
  await syncOnce(target, sink, second)
  return { target, messages: await readTopic(target.topic, target.place.servers.brokers) }
}

/** The document's schema of a value or key, under the names that the topic gives to it. */
async function publishedSchemas(topic: string, brokers: readonly string[]): Promise<unknown[]> {
  const schemas = await readTopic('connect.schemas', brokers)
  const named = new RegExp(`${topic.replaceAll('.', '\\.')}\\.v[0-9a-f]{16}`, 'g')
  return schemas
    .map(({ value }) => String(value))
    .filter((text) => text.includes(`"${topic}.v`))
    .map((text) => JSON.parse(text.replace(named, exampleTopic)) as unknown)
}

function expectRow(name: string, { key, value, headers }: ReadMessage): void {
  const message = document.components.messages[name]
  expectValid(`${name}/headers`, Object.fromEntries(headers))
  expect([...headers.keys()]).toEqual(['connect-sync', 'connect-generation'])
  if (name.startsWith('avro')) {
    const id = avroReader(message?.bindings?.kafka.key)(key?.subarray(10) ?? Buffer.of()).id
    const row = avroReader(message?.payload.schema)(value?.subarray(10) ?? Buffer.of())
    expect(name === 'avroRow' ? row.id : rowIn(row).id).toBe(id)
    return
  }
  expectValid(`${name}/bindings/kafka/key`, json(key))
  expectValid(`${name}/payload`, json(value))
  const row = name === 'jsonRow' ? json(value) : rowIn(json(value) as Record<string, unknown>)
  const { properties } = document.components.schemas.jsonRow ?? expect.fail('no schema of rows')
  expect(Object.keys(row as object)).toEqual(Object.keys(properties))
}

/** Returns the row that an envelope describes. */
function rowIn({ op, before, after }: Record<string, unknown>): Record<string, unknown> {
  const row = op === 'd' ? before : after
  // The union of avsc is the row, or null.
  return row as Record<string, unknown>
}

const forms = [
  ['jsonRow', { encoding: 'json', envelope: 'row' }],
  ['jsonEnvelope', { encoding: 'json', envelope: 'debezium' }],
  ['avroRow', { encoding: 'avro', envelope: 'row' }],
  ['avroEnvelope', { encoding: 'avro', envelope: 'debezium' }],
] as const satisfies readonly (readonly [string, RowFormat])[]

describe('docs/asyncapi.json describes', { timeout: 60_000 }, () => {
  test.each(usually(2, forms))(
    'messages of the form %s, with their tombstones',
    async (name, format) => {
      const { target, messages } = await load(format)
      const { brokers } = target.place.servers
      const rows = messages.filter(({ value }) => value !== null)
      const tombstones = messages.filter(({ value }) => value === null)
      const isEnveloped = format.envelope === 'debezium'
      expect([rows.length, tombstones.length]).toEqual([isEnveloped ? 5 : 4, 2])
      for (const message of rows) expectRow(name, message)
      for (const { headers, value } of tombstones) {
        expectValid('tombstone/headers', Object.fromEntries(headers))
        expectValid('tombstone/payload', value)
      }
      if (format.encoding === 'json') return
      const { bindings, payload } = document.components.messages[name] ?? expect.fail(name)
      expect(await publishedSchemas(target.topic, brokers)).toEqual(
        expect.arrayContaining([bindings?.kafka.key, payload.schema]),
      )
    },
  )

  test('messages of the topics of our own', async () => {
    const { target } = await load({ encoding: 'json', envelope: 'row' })
    const { brokers } = target.place.servers
    const isOwn = ({ key }: ReadMessage): boolean =>
      String(key).startsWith(`["${target.connection}"`)
    const control = (await readTopic(controlTopic, brokers)).filter(isOwn)
    const types = control.map(({ key, value }) => {
      const { type } = json(value) as { type: string }
      const name = type === 'sync_started' ? 'syncStarted' : 'syncComplete'
      expectValid(`${name}/bindings/kafka/key`, json(key))
      expectValid(`${name}/payload`, json(value))
      return type
    })
    const pair = ['sync_started', 'sync_complete']
    expect(types).toEqual([...pair, ...pair])
    const rejected = (await readTopic(rejectedTopic, brokers)).filter(isOwn)
    expect(rejected).toHaveLength(1)
    for (const { key, value } of rejected) {
      expectValid('rejectedRow/bindings/kafka/key', json(key))
      expectValid('rejectedRow/payload', json(value))
    }
    const checkpoints = await readTopic(checkpointTopic(target.connection), brokers)
    const kinds = checkpoints.map(({ key }) => {
      expectValid('checkpoint/bindings/kafka/key', json(key))
      return (json(key) as string[])[0]
    })
    expect([...new Set(kinds)].toSorted()).toEqual(['position', 'run', 'slice', 'stream'])
  })
})
