import { expect, test } from 'vitest'
import { eventsOf } from '../cli/reactor-command.ts'
import { runHere } from '../cli/run-here.ts'
import { killEngineWhen } from '../support/engine-process.ts'
import { startKafka, testKafka } from '../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'

/**
 * Tests the statements of docs/moving-kafka.md about moving the log: no topic is needed, and the old cluster
 * may come back.
 */
const rows = 10_000

function document(shop: TestDatabase, connection: string, brokers: readonly string[]): object {
  const source = { ...shop.address, schemas: ['public'], range_rows: 300, state_rows: 20 }
  return {
    connection,
    source: { type: 'postgres', config: source },
    destination: { type: 'postgres', config: { ...shop.address, schema: 'copy' } },
    log: { kafka: { brokers } },
    streams: [
      {
        name: 'orders',
        sync_mode: 'incremental',
        destination_sync_mode: 'append',
        cursor_field: 'id',
      },
    ],
    limits: { partitions_per_stream: 2, commit_bytes: 65_536, commit_ms: 20 },
  }
}

const insert = (shop: TestDatabase): Promise<unknown> =>
  shop.query(
    `INSERT INTO orders SELECT (SELECT coalesce(max(id), 0) FROM orders) + n, repeat(md5(n::text), 16) FROM generate_series(1, ${String(rows)}) n; ANALYZE orders`,
  )

async function complete(file: object): Promise<void> {
  await using written = await runFile(file)
  const end = await runHere(written.path, { args: ['--json'] })
  expect(end, end.stderr).toMatchObject({ code: 0 })
  expect(eventsOf(end).at(-1)?.streams).toMatchObject([{ status: 'complete' }])
}

test('a sync that was killed goes on through the topics of other brokers, and of the first ones again: each row is there once', async () => {
  await using shop = await testDatabase()
  await using second = await startKafka()
  const { brokers: first, prefix: connection } = testKafka()
  await shop.query('CREATE TABLE orders (id bigint PRIMARY KEY, body text)')
  const expectRows = async (count: number): Promise<void> => {
    const counts = 'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM copy.orders'
    expect(await shop.query(counts)).toEqual([{ rows: count, ids: count }])
  }
  await insert(shop)
  {
    await using file = await runFile(document(shop, connection, first))
    await killEngineWhen(file.path, async () => {
      const [table] = await shop.query("SELECT to_regclass('copy.orders') IS NOT NULL AS exists")
      if (table?.exists !== true) return false
      const [row] = await shop.query('SELECT EXISTS (SELECT FROM copy.orders) AS loaded')
      return row?.loaded === true
    })
  }
  const [loaded] = await shop.query('SELECT count(*)::int AS rows FROM copy.orders')
  expect(loaded?.rows).toBeGreaterThan(0)
  expect(loaded?.rows).toBeLessThan(rows)
  await complete(document(shop, connection, second.brokers))
  await expectRows(rows)
  await insert(shop)
  await complete(document(shop, connection, second.brokers))
  await expectRows(2 * rows)
  await insert(shop)
  await complete(document(shop, connection, first))
  await expectRows(3 * rows)
}, 120_000)
