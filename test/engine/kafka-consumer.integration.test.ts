import avro from 'avsc'
import { once } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startRun } from '../cli/reactor-command.ts'
import { runHere } from '../cli/run-here.ts'
import { consumeTopic, skipWithoutKafkaConsole } from '../support/kafka-console.ts'
import { testKafka } from '../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import { isLong, longTest, usually } from '../support/long.ts'

/**
 * Reads the topics as a service of somebody else would: with Kafka's own consumer and avsc, by docs/topics.md
 * alone, and with no code of ours.
 */
beforeEach(skipWithoutKafkaConsole)

const rows = isLong ? 6_000 : 1_200
const framings = ['block', 'record'] as const
type Framing = (typeof framings)[number]

interface Shop {
  readonly connection: string
  readonly topic: string
  readonly brokers: readonly string[]
  /** A run file; with a pace, so that there is time to be killed in. */
  runFile(rowsPerSecond?: number): object
}

/** Two slices on two partitions, in small transactions. */
function shop(warehouse: TestDatabase, framing: Framing): Shop {
  const { brokers, prefix: connection } = testKafka()
  return {
    connection,
    topic: `connect.${connection}.users`,
    brokers,
    runFile: (rows_per_second) => {
      const stream = { name: 'users', rows, slices: 2, state_every: 200, rows_per_second }
      return {
        connection,
        source: { type: 'faker', config: { seed: 3, streams: [stream] } },
        destination: { type: 'postgres', config: { ...warehouse.address, schema: 'copy' } },
        log: { kafka: { brokers, framing } },
        limits: { commit_bytes: 65_536, commit_ms: 50 },
      }
    },
  }
}

async function runToEnd(file: string): Promise<void> {
  const end = await runHere(file)
  if (end.code !== 0) throw new Error(`the run ended with ${String(end.code)}: ${end.stderr}`)
}

/** The schemas of the topic `connect.schemas`, by fingerprint. */
async function schemasOf(brokers: readonly string[]): Promise<Map<string, avro.Type>> {
  const messages = await consumeTopic(brokers, 'connect.schemas')
  const schema = z.custom<avro.Schema>()
  return new Map(
    messages.map(({ key, value }) => [
      key?.toString() ?? '',
      avro.Type.forSchema(schema.parse(JSON.parse(value.toString()))),
    ]),
  )
}

const userRecord = z.object({
  _airbyte_extracted_at: z.int(),
  _airbyte_changes: z.null(),
  _airbyte_overflow: z.null(),
  id: z.int(),
  email: z.string(),
  name: z.string(),
  notes: z.string().nullable(),
  amount: z.string(),
  score: z.number().nullable(),
  active: z.boolean(),
  verified: z.boolean().nullable(),
  born: z.int().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
  attributes: z.string().transform((text): unknown => JSON.parse(text)),
})
type UserRecord = z.infer<typeof userRecord>

/** The records of a message, by its own fingerprint: docs/topics.md, Decoding. */
function decode(value: Buffer, schemas: ReadonlyMap<string, avro.Type>): UserRecord[] {
  expect(value.readUInt16BE(0)).toBe(0xc301)
  const fingerprint = value.readBigUInt64LE(2).toString(16).padStart(16, '0')
  const type = schemas.get(fingerprint)
  if (type === undefined) throw new Error(`connect.schemas has no schema ${fingerprint}`)
  const datum: unknown = type.fromBuffer(value.subarray(10))
  return z.array(userRecord).parse(Array.isArray(datum) ? datum : [datum])
}

interface ReadTopic {
  readonly records: readonly UserRecord[]
  /** The attempts of the RECORD messages. */
  readonly attempts: ReadonlySet<string>
  /** The number of records that the STATE messages cover. */
  readonly covered: number
}

/**
 * docs/topics.md, "Retention, and readers that come late": the table and the sink's positions in one
 * snapshot.
 */
async function readTable(
  warehouse: TestDatabase,
  connection: string,
): Promise<z.infer<typeof tableSnapshot>> {
  const [row] = await warehouse.query(
    `SELECT (SELECT json_agg(id) FROM copy.users) AS ids,
            (SELECT json_object_agg(p.partition, p.next)
               FROM reactor_connect.positions p JOIN reactor_connect.streams s ON s.id = p.stream_id
              WHERE s.connection = $1 AND s.namespace IS NOT DISTINCT FROM NULL AND s.name = 'users') AS positions`,
    [connection],
  )
  return tableSnapshot.parse(row)
}

const tableSnapshot = z.object({
  ids: z.array(z.int()),
  positions: z.record(z.string(), z.coerce.number()),
})

async function readTopic({ brokers, topic }: Shop, framing: Framing): Promise<ReadTopic> {
  const [messages, schemas] = [await consumeTopic(brokers, topic), await schemasOf(brokers)]
  const records: UserRecord[] = []
  const attempts = new Set<string>()
  const seen = new Set<string>()
  let covered = 0
  for (const { headers, key, value } of messages) {
    if (headers.get('type') === 'STATE') covered += Number(headers.get('count'))
    if (headers.get('type') !== 'RECORD') continue
    const decoded = decode(value, schemas)
    expect(decoded).toHaveLength(framing === 'block' ? Number(headers.get('count')) : 1)
    expect(key?.toString()).toBe(framing === 'block' ? undefined : `[${String(decoded[0]?.id)}]`)
    attempts.add(headers.get('attempt') ?? '')
    const first = Number(headers.get('seq'))
    for (const index of decoded.keys())
      seen.add(`${headers.get('slice') ?? ''}/${String(first + index)}`)
    records.push(...decoded)
  }
  // (sync, slice, seq) identifies a record for good.
  expect(seen.size).toBe(records.length)
  return { records, attempts, covered }
}

/** Every record of the topic once, and equal in every column to the row that was loaded from it. */
async function expectSameAsTable(
  warehouse: TestDatabase,
  { records, covered }: ReadTopic,
): Promise<void> {
  expect(new Set(records.map(({ id }) => id)).size).toBe(rows)
  expect(records).toHaveLength(rows)
  expect(covered).toBe(rows)
  const epoch = (column: string): string =>
    `(extract(epoch FROM ${column}) * 1000000)::float8 AS ${column}`
  const loaded = await warehouse.query(
    `SELECT id::int, email, name, notes, amount::text, score::float8, active, verified, born - date '1970-01-01' AS born,
            ${epoch('created_at')}, ${epoch('updated_at')}, attributes
     FROM copy.users ORDER BY id`,
  )
  const inTopic = records.toSorted((a, b) => a.id - b.id)
  // One by one: the difference of thousands of rows is not readable.
  expect(loaded).toHaveLength(rows)
  for (const [index, row] of loaded.entries()) expect(inTopic[index]).toMatchObject(row)
}

// Concurrent: a run, and Kafka's consumer, wait most of the time.
const options = { concurrent: true, timeout: 120_000 }

longTest(
  'a reader that takes the table first goes on from the positions of its snapshot, and has each record once',
  options,
  async () => {
    await using warehouse = await testDatabase()
    const users = shop(warehouse, 'record')
    await using slow = await runFile(users.runFile(500))
    const started = startRun(slow.path, { args: ['--json'] })
    const killed = once(started.process, 'close')
    await started.output('stdout', /"loaded":[1-9]/)
    started.process.kill('SIGKILL')
    await killed
    const table = await readTable(warehouse, users.connection)
    expect(table.ids.length).toBeGreaterThan(0)
    expect(table.ids.length).toBeLessThan(rows)
    await using fast = await runFile(users.runFile())
    await runToEnd(fast.path)
    const schemas = await schemasOf(users.brokers)
    const later = new Map<string, number>()
    for (const { partition, offset, headers, value } of await consumeTopic(
      users.brokers,
      users.topic,
    )) {
      if (headers.get('type') !== 'RECORD' || offset < (table.positions[partition] ?? 0)) continue
      const [record] = decode(value, schemas)
      later.set(`${headers.get('slice') ?? ''}/${headers.get('seq') ?? ''}`, record?.id ?? 0)
    }
    const ids = [...table.ids, ...later.values()]
    expect(ids).toHaveLength(rows)
    expect(new Set(ids).size).toBe(rows)
  },
)

describe.each(usually(1, framings))(
  "a topic in the %s framing, read with Kafka's own consumer",
  options,
  (framing) => {
    test('has each record once, decodable by the schema of connect.schemas', async () => {
      await using warehouse = await testDatabase()
      const users = shop(warehouse, framing)
      await using file = await runFile(users.runFile())
      await runToEnd(file.path)
      await expectSameAsTable(warehouse, await readTopic(users, framing))
    })

    longTest('has each record once after the run was killed with -9 and resumed', async () => {
      await using warehouse = await testDatabase()
      const users = shop(warehouse, framing)
      await using slow = await runFile(users.runFile(500))
      const started = startRun(slow.path, { args: ['--json'] })
      const killed = once(started.process, 'close')
      await started.output('stdout', /"loaded":[1-9]/)
      started.process.kill('SIGKILL')
      expect(await killed).toEqual([null, 'SIGKILL'])
      await using fast = await runFile(users.runFile())
      await runToEnd(fast.path)
      const read = await readTopic(users, framing)
      expect(read.attempts.size).toBe(2)
      await expectSameAsTable(warehouse, read)
    })
  },
)
