import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { join } from 'node:path'
import { z } from 'zod'
import { avroJars } from '../../../kafka/connect/connect-jars.ts'
import { runJava } from '../../../kafka/java-process.ts'
import {
  startApicurioRegistry,
  type ApicurioRegistry,
} from '../../../kafka/registry/apicurio-registry.ts'
import type { TestDatabase } from '../../../support/postgres.ts'
import { deleteGoods, goods, goodsColumns, goodsRows, insertGoods, updateGoods } from './goods.ts'
import { lastValues, type ShownMessage } from './last-values.ts'
import { differences, openTopicShop, readersWanted, type TopicShop } from './topic-shop.ts'

const limitMs = 5 * 60_000
const program = join(import.meta.dirname, 'DecodeAvro.java')
const version = z.object({ subject: z.string(), version: z.number(), id: z.number() })

describe.runIf(readersWanted)("Apicurio's registry and deserializer, as Confluent's", () => {
  let registry: ApicurioRegistry
  beforeAll(async () => {
    registry = await startApicurioRegistry()
    // As Confluent's registry begins.
    await ask('PUT', '/config', { compatibility: 'BACKWARD' })
  }, limitMs)
  afterAll(() => registry[Symbol.asyncDispose]())

  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(registry.url + path, {
      method,
      headers: { 'Content-Type': 'application/vnd.schemaregistry.v1+json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
  const latest = async (subject: string): Promise<z.infer<typeof version>> =>
    version.parse(await ask('GET', `/subjects/${subject}/versions/latest`))
  const openShop = (): Promise<TopicShop> =>
    openTopicShop({
      tables: [goods],
      config: { format: 'avro', partitions: 3, schema_registry_url: registry.url },
    })
  const decoded = async (shop: TopicShop): Promise<readonly ShownMessage[]> => {
    const output = await runJava({
      classpath: await avroJars(),
      main: program,
      args: [shop.brokers.join(','), shop.topicOf('goods'), registry.ownUrl],
      flags: ['-Xmx512m'],
    })
    return output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [key = '', value = ''] = line.split('\t')
        return value === '' ? { key } : { key, value }
      })
  }

  it('decodes all rows, also after columns were added', { timeout: limitMs }, async () => {
    await using shop = await openShop()
    const { database } = shop
    const topic = shop.topicOf('goods')
    await insertGoods(database, 1, 2000)
    await shop.load()
    await updateGoods(database, 3)
    await deleteGoods(database, 7)
    await shop.load()
    const messages = await decoded(shop)
    expect(messages.length).toBeGreaterThan(2000)
    await expectSource(database, messages)
    expect(await ask('GET', '/subjects')).toEqual(
      expect.arrayContaining([`${topic}-key`, `${topic}-value`]),
    )
    const first = await latest(`${topic}-value`)
    expect(first.version).toBe(1)

    await database.query('ALTER TABLE goods ADD COLUMN colour text')
    await insertGoods(database, 2001, 2100)
    await database.query(`UPDATE goods SET colour = 'red' WHERE id > 2000`)
    await shop.load()
    await expectSource(database, await decoded(shop))
    const second = await latest(`${topic}-value`)
    expect(second.version).toBe(2)
    expect(second.id).not.toBe(first.id)
    // The keys stay as they are: other bytes would be other rows, in other partitions.
    expect((await latest(`${topic}-key`)).version).toBe(1)
  })

  it(
    'an incompatible change of a column fails, and loads nothing',
    { timeout: limitMs },
    async () => {
      await using shop = await openShop()
      const { database } = shop
      const topic = shop.topicOf('goods')
      await insertGoods(database, 1, 100)
      await shop.load()
      const before = {
        slots: await shop.messageSlots(topic),
        value: await latest(`${topic}-value`),
      }
      const shownBefore = await decoded(shop)

      await database.query(`ALTER TABLE goods ALTER COLUMN name TYPE int USING 7`)
      await database.query(`UPDATE goods SET updated_at = clock_timestamp()`)
      const { code, out, err } = await shop.run()
      expect(code).not.toBe(0)
      expect(out + err).toContain('schema_incompatible')
      expect(await latest(`${topic}-value`)).toEqual(before.value)
      expect(await decoded(shop)).toEqual(shownBefore)
      expect(await shop.messageSlots(topic)).toBe(before.slots)
    },
  )
})

/** PostgreSQL reads the texts of the decoded records. */
async function expectSource(
  database: TestDatabase,
  messages: readonly ShownMessage[],
): Promise<void> {
  await database.query('DROP TABLE IF EXISTS shown')
  await database.query('CREATE TABLE shown (value json)')
  const values = lastValues(messages).map((text) => withHexPicture(text))
  await database.query('INSERT INTO shown SELECT unnest($1::json[])', [values])
  const columns = goodsColumns({
    // Avro's own forms: days, microseconds, and text for what has no type of its own.
    amount: `(value->>'amount')::numeric AS amount`,
    born: `date '1970-01-01' + (value->>'born')::int AS born`,
    seen_at: `${moment('seen_at')} AS seen_at`,
    planned_at: `(${moment('planned_at')}) AT TIME ZONE 'UTC' AS planned_at`,
    opens_at: `time '00:00' + (value->>'opens_at')::bigint * interval '1 microsecond' AS opens_at`,
    attributes: `(value->>'attributes')::jsonb AS attributes`,
    picture: `decode(value->>'picture', 'hex') AS picture`,
    updated_at: `${moment('updated_at')} AS updated_at`,
    name: `value->>'name' AS name`,
    active: `(value->>'active')::boolean AS active`,
    score: `(value->>'score')::double precision AS score`,
    id: `(value->>'id')::bigint AS id`,
  })
  const actual = `SELECT ${columns} FROM shown`
  expect(await differences(database, { expected: goodsRows, actual })).toEqual([])
}

/** Avro shows bytes as the characters of their numbers; PostgreSQL takes no text with a zero. */
function withHexPicture(text: string): string {
  const row = z.looseObject({ picture: z.string().nullable() }).parse(JSON.parse(text))
  const picture = row.picture === null ? null : Buffer.from(row.picture, 'latin1').toString('hex')
  return JSON.stringify({ ...row, picture })
}

function moment(column: string): string {
  return `timestamptz 'epoch' + (value->>'${column}')::bigint * interval '1 microsecond'`
}
