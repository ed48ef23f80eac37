import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { eventsOf, type CommandEnd } from '../../../cli/reactor-command.ts'
import { runHere } from '../../../cli/run-here.ts'
import { testKafka } from '../../../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../../../support/postgres.ts'
import { readTopic } from '../../../support/read-topic.ts'
import { runFile } from '../../../support/run-file.ts'
import { avroReader } from '../rows/messages.ts'

export const login = { username: 'loader', password: `planted-${randomBytes(6).toString('hex')}` }
const basic = Buffer.from(`${login.username}:${login.password}`).toString('base64')

export interface ShopRegistry {
  readonly url: string
  /** The text of a schema by its id. */
  schemaOf(id: number): Promise<string>
}

interface LoadOptions {
  /** Behind the prefix of the shop. Default: `things`. */
  readonly topic?: string
  /** Another address of the registry. */
  readonly url?: string
}

/** A table that is loaded as Avro with a registry. */
export interface AvroShop extends AsyncDisposable {
  readonly db: TestDatabase
  readonly connection: string
  /** The run file. */
  document(options?: LoadOptions): object
  /** A run; nothing of it shows the login. */
  load(options?: LoadOptions): Promise<CommandEnd>
  /** The newest row of each key, as the schemas of the registry decode it. */
  rows(topic?: string): Promise<readonly Record<string, unknown>[]>
}

export function expectNoSecret(text: string): void {
  for (const secret of [login.password, basic]) expect(text).not.toContain(secret)
}

/** Returns the error of the run, or that of its only stream. */
export function errorOf(end: CommandEnd): unknown {
  const result = eventsOf(end).at(-1)
  return result?.error ?? result?.streams[0]?.error
}

export async function openAvroShop(registry: ShopRegistry): Promise<AvroShop> {
  const { brokers, prefix: connection } = testKafka()
  const db = await testDatabase()
  await db.query(`CREATE TABLE things (id int PRIMARY KEY, body text, price int, moved_at timestamptz DEFAULT clock_timestamp());
    INSERT INTO things VALUES (1, 'a', 7), (2, 'b', 8)`)
  const document: AvroShop['document'] = ({ topic = 'things', url = registry.url } = {}) => ({
    connection,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: {
      type: 'topic',
      config: {
        topic: `${connection}.${topic}`,
        brokers,
        format: 'avro',
        partitions: 2,
        schema_registry_url: url,
        schema_registry_username: login.username,
        schema_registry_password: login.password,
      },
    },
    streams: [
      {
        name: 'things',
        sync_mode: 'incremental',
        destination_sync_mode: 'append_dedup',
        cursor_field: 'moved_at',
      },
    ],
    metadata: 'minimal',
  })
  return {
    db,
    connection,
    document,
    load: async (options) => {
      await using file = await runFile(document(options))
      const end = await runHere(file.path, { args: ['--json', '--log-level', 'debug'] })
      expectNoSecret(end.stdout + end.stderr)
      return end
    },
    rows: async (topic = 'things') => {
      const newest = new Map<string, Record<string, unknown>>()
      for (const { key, value } of await readTopic(`${connection}.${topic}`))
        newest.set(String(key), await decoded(registry, value))
      return [...newest.values()].toSorted((a, b) => Number(a.id) - Number(b.id))
    },
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}

/** Confluent's framing: a zero, the id in four bytes, the datum. */
async function decoded(
  registry: ShopRegistry,
  value: Buffer | null,
): Promise<Record<string, unknown>> {
  if (value === null) return {}
  expect(value[0]).toBe(0)
  const schema = await registry.schemaOf(value.readUInt32BE(1))
  const row = avroReader(JSON.parse(schema))(value.subarray(5))
  const ours = ['moved_at', '_airbyte_overflow']
  return Object.fromEntries(Object.entries(row).filter(([name]) => !ours.includes(name)))
}
