import { expect, test } from 'vitest'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'

test('a sandbox shows the changes that the next run loads, and leaves the slot alone', async () => {
  await using shop = await testDatabase()
  await using warehouse = await testDatabase()
  const slot = shop.address.database
  await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
    INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 20) n`)
  const plan = await planRun({
    connection: slot,
    source: { type: 'postgres', config: { ...shop.address, replication: 'cdc', slot } },
    destination: warehouse.address,
    schema: 'copy',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    syncMode: 'incremental',
    types: 'source',
    limits: { partitionsPerStream: 1 },
  })
  const slots = (): Promise<unknown> =>
    shop.query(
      `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    )
  const before = await sandboxPlan(plan)
  expect(before.streams).toMatchObject([
    { diff_vs_current: { rows: { insert: 20, update: 0, delete: 0 } } },
  ])
  expect(await slots()).toEqual([])
  expect(await shop.query('SELECT pubname FROM pg_publication')).toEqual([])

  expect((await runPlan(plan)).result.status).toBe('complete')
  const confirmed = await slots()
  await shop.query(`INSERT INTO goods VALUES (30, 'new'); UPDATE goods SET note = 'changed' WHERE id < 4;
    DELETE FROM goods WHERE id = 9`)
  const shown = await sandboxPlan(plan)
  expect(shown.streams).toMatchObject([
    { diff_vs_current: { rows: { insert: 1, update: 3, delete: 1 } } },
  ])
  expect(await slots()).toEqual(confirmed)
  const run = await runPlan(plan)
  expect(run.result.streams).toMatchObject([{ loaded: 5 }])
  expect(await warehouse.query('SELECT count(*)::int AS n FROM copy.goods')).toEqual([{ n: 20 }])
})
