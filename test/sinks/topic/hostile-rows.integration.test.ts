import kafkajs, { type KafkaMessage } from 'kafkajs'
import { describe, expect, inject, test } from 'vitest'
import { runHere } from '../../cli/run-here.ts'
import { calmRequestQueues } from '../../../kafka/request-queue.ts'
import { zstdForKafkajs } from '../../support/kafkajs-zstd.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { sinkStream } from '../loading.ts'
import { syncOnce, topicTest } from './topic-support.ts'
import { usually } from '../../support/long.ts'

/**
 * Values, names and keys of somebody who means harm, or of an old system: every consumer that knows JSON
 * reads them as they were.
 */
const texts = [
  '',
  '"}, {"id": 666}',
  '\\',
  '\\u0000',
  '\u0001\u001F\u007F\u0080\u009F',
  '\u2028\u2029\uFEFF',
  '</script><!-- \n\r\t\b\f',
  '\u{1F600} e\u0301 \u202Egnp.exe',
  '\uFFFF\uFFFE\u{10FFFF}',
  '__proto__',
  'constructor',
  "'; DROP TABLE things; --",
  '${jndi:ldap://127.0.0.1/a}',
  '{"$ref":"#"}',
  'NaN',
]
const names = [
  'a"b',
  "it's",
  'back\\slash',
  'new\nline',
  'a.b',
  '{stream}',
  'ключ',
  '\u{1F600}',
  '__proto__',
  'constructor',
  'toString',
  '_airbyte_raw_id',
  '_airbyte_meta',
  '_airbyte_overflow',
  ' ',
]
const jsons = [
  '{"__proto__":{"admin":true},"a":[[[[]]],"\\u0001",1e400,0.10]}',
  '"\\ud83d\\ude00"',
  'null',
  '[1.0, 12345678901234567890]',
  `${'['.repeat(500)}${']'.repeat(500)}`,
]

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A reader that we did not write; strict about UTF-8. */
async function consume(topic: string): Promise<readonly KafkaMessage[]> {
  zstdForKafkajs()
  calmRequestQueues()
  const brokers = inject('kafkaBrokers')
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const ends = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, high]),
  )
  const consumer = client.consumer({
    groupId: `hostile-${topic}`,
    maxBytesPerPartition: 16_000_000,
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const messages: KafkaMessage[] = []
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const limit = setTimeout(() => {
    reject(new Error(`only ${String(messages.length)} messages came`))
  }, 60_000)
  await consumer.run({
    eachBatchAutoResolve: true,
    eachBatch: ({ batch }) => {
      messages.push(...batch.messages)
      // A marker of the transaction is the last offset.
      const end = BigInt(ends.get(batch.partition) ?? '0')
      if (BigInt(batch.lastOffset()) + 2n >= end) ends.delete(batch.partition)
      if (ends.size === 0) resolve(undefined)
      return Promise.resolve()
    },
  })
  await promise.finally(() => {
    clearTimeout(limit)
  })
  await consumer.disconnect()
  return messages
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function parsed(bytes: Buffer | null): Record<string, unknown> {
  if (bytes === null) throw new Error('a tombstone')
  const value: unknown = JSON.parse(strict.decode(bytes))
  if (typeof value !== 'object' || value === null) throw new Error('not an object')
  return value as Record<string, unknown>
}

describe.each(usually(1, ['row', 'debezium'] as const))('in the envelope %s', (envelope) => {
  test.each(usually(1, ['embedded', 'kafka'] as const))(
    'names, texts and JSON of any kind come through as they are, over the %s log',
    async (log) => {
      const { brokers, prefix: connection } = testKafka()
      const stream = 'a.b "c" \\ {x} ключ'
      await using shop = await testDatabase()
      const columns = names.map((name) => `${quoted(name)} text`).join(', ')
      await shop.query(
        `CREATE TABLE ${quoted(stream)} ("the key" text PRIMARY KEY, ${columns}, doc json)`,
      )
      for (const [index, text] of texts.entries())
        await shop.query(
          `INSERT INTO ${quoted(stream)} VALUES (${['the key', ...names].map((_, n) => `$${String(n + 1)}`).join(', ')}, $${String(names.length + 2)})`,
          [text, ...names.map(() => text), jsons[index % jsons.length]],
        )
      await using file = await runFile({
        connection,
        source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
        destination: {
          type: 'topic',
          config: { topic: `${connection}.{stream}`, brokers, partitions: 3, envelope },
        },
        log: log === 'kafka' ? { kafka: { brokers } } : 'embedded',
        streams: [{ name: stream, destination_sync_mode: 'overwrite_dedup' }],
      })
      const end = await runHere(file.path)
      expect(end.code, end.stderr).toBe(0)
      const topic = await topicWith(connection)
      const messages = await consume(topic)
      expect(messages).toHaveLength(texts.length)
      const seen = messages.map(({ key, value, headers }) => {
        expect(headers).toEqual({
          'connect-sync': Buffer.from('1'),
          'connect-generation': Buffer.from('1'),
        })
        const body = parsed(value)
        const row = envelope === 'row' ? body : (body.after as Record<string, unknown>)
        if (envelope === 'debezium')
          expect(body.source).toMatchObject({ name: connection, table: stream, schema: 'public' })
        return { key: parsed(key)['the key'], row }
      })
      expect(new Set(seen.map(({ key }) => key))).toEqual(new Set(texts))
      for (const { key, row } of seen) {
        for (const name of names) {
          // Those of our own have another name, as the docs say.
          const label = ['_airbyte_raw_id', '_airbyte_meta'].includes(name) ? `${name}_2` : name
          expect(Object.hasOwn(row, label), label).toBe(true)
          expect(Object.getOwnPropertyDescriptor(row, label)?.value, label).toBe(key)
        }
        const doc = jsons[texts.indexOf(String(key)) % jsons.length]
        expect(row.doc).toEqual(JSON.parse(doc ?? ''))
      }
    },
  )
})

async function topicWith(prefix: string): Promise<string> {
  const brokers = inject('kafkaBrokers')
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = await admin.listTopics()
  await admin.disconnect()
  const own = topics.filter((topic) => topic.startsWith(`${prefix}.`))
  expect(own).toHaveLength(1)
  return own[0] ?? ''
}

test('a NUL and half of a surrogate pair are in keys and values as JSON has them', async () => {
  const target = topicTest()
  const sink = sinkStream(
    { id: 'string', body: 'string', doc: 'json' },
    { connection: target.connection, mode: 'append_dedup', key: ['id'] },
  )
  const odd = ['\u0000', 'a\u0000b', '\uD800', '\uDC00\uD800', 'x\uDFFFy', '\u{1F600}']
  const records = odd.map((text) => ({ id: text, body: text, doc: { [text]: [text] } }))
  await syncOnce(target, sink, records)
  const seen = (await consume(target.topic)).map(({ key, value }) => {
    const { id, body, doc } = parsed(value)
    return { key: parsed(key).id, row: { id, body, doc } }
  })
  expect(seen).toHaveLength(odd.length)
  expect(seen).toEqual(
    expect.arrayContaining(records.map((record) => ({ key: record.id, row: record }))),
  )
})

test('keys of nearly half a megabyte are keys like any other; a message that is too large is rejected, with its reason', async () => {
  const { brokers, prefix: connection } = testKafka()
  await using shop = await testDatabase()
  await shop.query(`CREATE TABLE things (id text, n int);
    INSERT INTO things SELECT repeat(chr(n + 96), 450000), n FROM generate_series(1, 5) n;
    INSERT INTO things VALUES (repeat('z', 600000), 6)`)
  const document = {
    connection,
    source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
    destination: {
      type: 'topic',
      config: { topic: `${connection}.things`, brokers, partitions: 2 },
    },
    streams: [{ name: 'things', destination_sync_mode: 'overwrite_dedup', primary_key: ['id'] }],
  }
  await using file = await runFile(document)
  const end = await runHere(file.path, { args: ['--json'] })
  expect(end.stdout).toContain('max.message.bytes')
  // Nobody wants to see such a key.
  expect(end.stdout.length + end.stderr.length).toBeLessThan(100_000)
  const messages = await consume(`${connection}.things`)
  const keys = messages.map(({ key }) => String(parsed(key).id))
  expect(keys.map((key) => `${String(key.length)} ${key.slice(0, 1)}`).toSorted()).toEqual(
    ['a', 'b', 'c', 'd', 'e'].map((letter) => `450000 ${letter}`),
  )
})
