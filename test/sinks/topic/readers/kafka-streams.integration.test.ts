import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startJava } from '../../../kafka/java-process.ts'
import { copyJars, stampOf } from '../../../kafka/maven-jars.ts'
import { newFolder } from '../../../support/new-folder.ts'
import type { TestDatabase } from '../../../support/postgres.ts'
import { eventually, openTopicShop, readersWanted } from './topic-shop.ts'

const limitMs = 10 * 60_000
const pom = join(import.meta.dirname, 'streams.pom.xml')
const program = join(import.meta.dirname, 'JoinTables.java')

describe.runIf(readersWanted)('Kafka Streams', () => {
  it(
    'joins the tables of topics as SQL joins them at the source, through inserts, updates and deletes',
    { timeout: limitMs },
    async () => {
      await using shop = await openTopicShop({
        tables: [
          { name: 'products', columns: ['name text', 'price numeric(10,2)', 'supplier_id int'] },
          { name: 'stock', columns: ['quantity int'] },
          { name: 'suppliers', columns: ['name text'] },
        ],
        config: { format: 'json', partitions: 3 },
      })
      const { database } = shop
      await insertRows(database)
      await shop.load()
      const topics = ['products', 'stock', 'suppliers'].map((table) => shop.topicOf(table))
      await using streams = await startStreams(shop.brokers, topics)
      await expectJoins(streams, database)

      await database.query(`
        UPDATE products SET price = price * 2, supplier_id = 1 + (supplier_id + 3) % 20, updated_at = clock_timestamp()
         WHERE id % 3 = 0`)
      await database.query(`
        UPDATE stock SET quantity = quantity - 1, updated_at = clock_timestamp() WHERE id % 5 = 0`)
      await database.query(`
        INSERT INTO products (id, name, price, supplier_id)
        SELECT n, 'new ' || n, 0.05, 7 FROM generate_series(2001, 2100) AS n`)
      await database.query(`
        INSERT INTO stock (id, quantity) SELECT n, 0 FROM generate_series(1901, 2100) AS n`)
      await shop.load()
      await expectJoins(streams, database)

      for (const change of [
        `UPDATE products SET _ab_cdc_deleted_at = now(), updated_at = clock_timestamp() WHERE id % 7 = 0`,
        `UPDATE stock SET _ab_cdc_deleted_at = now(), updated_at = clock_timestamp() WHERE id % 11 = 0`,
        `UPDATE suppliers SET _ab_cdc_deleted_at = now(), updated_at = clock_timestamp() WHERE id = 4`,
        // A row that was deleted comes back.
        `UPDATE products SET _ab_cdc_deleted_at = NULL, updated_at = clock_timestamp() WHERE id = 77`,
      ])
        await database.query(change)
      await shop.load()
      await expectJoins(streams, database)
    },
  )
})

/** Products and stock overlap: an inner join leaves rows of both out. */
async function insertRows(database: TestDatabase): Promise<void> {
  await database.query(`
    INSERT INTO products (id, name, price, supplier_id)
    SELECT n, 'Żółć "' || n || '"', n / 8.0, 1 + n % 20 FROM generate_series(1, 2000) AS n`)
  await database.query(`
    INSERT INTO stock (id, quantity) SELECT n, n % 100 FROM generate_series(101, 1900) AS n`)
  await database.query(`
    INSERT INTO suppliers (id, name) SELECT n, 'supplier ' || n FROM generate_series(1, 20) AS n`)
}

const product = z.object({
  id: z.number(),
  name: z.string(),
  price: z.number(),
  supplier_id: z.number(),
})
const joins = {
  stock: z.tuple([product, z.object({ id: z.number(), quantity: z.number() })]),
  suppliers: z.tuple([product, z.object({ id: z.number(), name: z.string() })]),
} as const

const sqlJoins = {
  stock: `SELECT jsonb_build_array(${productObject()}, jsonb_build_object('id', s.id, 'quantity', s.quantity)) AS row
            FROM products p JOIN stock s USING (id)`,
  suppliers: `SELECT jsonb_build_array(${productObject()}, jsonb_build_object('id', s.id, 'name', s.name)) AS row
                FROM products p JOIN suppliers s ON s.id = p.supplier_id`,
} as const

function productObject(): string {
  return `jsonb_build_object('id', p.id, 'name', p.name, 'price', p.price, 'supplier_id', p.supplier_id)`
}

async function expectJoins(streams: StreamsReader, database: TestDatabase): Promise<void> {
  for (const name of ['stock', 'suppliers'] as const) {
    const rows = await database.query(`
      ${sqlJoins[name]} WHERE p._ab_cdc_deleted_at IS NULL AND s._ab_cdc_deleted_at IS NULL`)
    const expected = sorted(rows.map(({ row }) => joins[name].parse(row)))
    expect(expected.length).toBeGreaterThan(1000)
    const read = async (): Promise<readonly unknown[]> =>
      sorted((await streams.rows(name)).map((line) => joins[name].parse(JSON.parse(line))))
    const same = JSON.stringify(expected)
    expect(await eventually(read, (actual) => JSON.stringify(actual) === same)).toEqual(expected)
  }
}

function sorted<T>(rows: readonly T[]): readonly T[] {
  const texts = rows.map((row) => ({ row, text: JSON.stringify(row) }))
  return texts.sort((a, b) => (a.text < b.text ? -1 : 1)).map(({ row }) => row)
}

interface StreamsReader extends AsyncDisposable {
  /** The rows of a join now, as JSON. */
  rows(join: string): Promise<readonly string[]>
}

async function startStreams(
  brokers: readonly string[],
  topics: readonly string[],
): Promise<StreamsReader> {
  const jars = join(import.meta.dirname, '../../../kafka/lib', `streams-${stampOf(pom)}`)
  await copyJars(pom, jars)
  const java = startJava({
    classpath: join(jars, '*'),
    main: program,
    args: [brokers.join(','), await newFolder('streams'), ...topics],
    flags: ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'],
  })
  const lines = createInterface(java.child.stdout)[Symbol.asyncIterator]()
  return {
    rows: async (name) => {
      java.child.stdin.write(`${name}\n`)
      const rows: string[] = []
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`Kafka Streams ended: ${java.lastWords()}`)
        if (value === 'end') return rows
        rows.push(value)
      }
    },
    [Symbol.asyncDispose]: () => java[Symbol.asyncDispose](),
  }
}
