import { expect, vi } from 'vitest'
import type { ConnectionOptions, StreamBinding } from '../../../../service/connections/schema.ts'
import type { Run } from '../../../../service/runs/schema.ts'
import { testDatabase, type Row, type TestDatabase } from '../../../support/postgres.ts'
import { runToEnd, type TestService } from '../../../support/test-service.ts'

/** A connection whose source is a database of its own, with a table `orders` that a test alters. */
export interface DriftingShop extends AsyncDisposable {
  /** The name of the connection and of its dataset. */
  readonly name: string
  readonly source: TestDatabase
  /** Starts a run and follows it to its end. */
  run(): Promise<Run>
  /** Lets the time of the schedule come, and follows the run that it starts to its end. */
  scheduledRun(): Promise<Run>
  /** Returns the rows of `orders` at the destination. */
  rows(columns: string): Promise<Row[]>
}

export interface ShopOptions {
  readonly policy?: NonNullable<ConnectionOptions['schemaDrift']>
  /** Default: `orders`, incremental by its `id`. */
  readonly streams?: readonly StreamBinding[] | 'all'
}

const incremental: StreamBinding = { name: 'orders', syncMode: 'incremental', cursorField: 'id' }
let shops = 0

export async function driftingShop(
  { service, store, data }: TestService,
  { policy, streams = [incremental] }: ShopOptions,
): Promise<DriftingShop> {
  const source = await testDatabase()
  const name = `shop_${String(++shops)}`
  await source.query(`
    CREATE TABLE orders (id bigint PRIMARY KEY, total integer, note text);
    INSERT INTO orders SELECT n, n * 10, 'note ' || n FROM generate_series(1, 3) AS n;
    CREATE TABLE unrelated (id bigint PRIMARY KEY, code text DEFAULT 'code')`)
  const { instances, connections, runs } = service
  await instances.create({ name, type: 'postgres', config: { ...source.address } })
  await connections.create({
    name,
    from: name,
    destination: `data:${name}`,
    activate: true,
    ...(streams !== 'all' && { streams }),
    schedule: { cron: '0 0 1 1 *' },
    ...(policy !== undefined && { options: { schemaDrift: policy } }),
  })
  return {
    name,
    source,
    run: async () => runToEnd(runs, await runs.start(name)),
    scheduledRun: async () => {
      const before = await connections.get(name)
      const due = new Date(Date.now() - 1_000).toISOString()
      await store.connections.moveNextRun(before.id, before.nextRunAt, due)
      const started = await vi.waitFor(
        async () => {
          const { lastRun } = await connections.get(name)
          expect(lastRun?.id).not.toBe(before.lastRun?.id)
          return runs.get(name, lastRun?.id ?? '')
        },
        { timeout: 20_000, interval: 50 },
      )
      expect(started.trigger).toBe('schedule')
      return runToEnd(runs, started)
    },
    rows: (columns) => data.query(`SELECT ${columns} FROM ${name}.orders ORDER BY id`),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  }
}
