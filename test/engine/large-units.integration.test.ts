import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const logs: readonly LogName[] = ['embedded', 'kafka block']

describe.each(usually(1, logs))('through the %s log', (log) => {
  test('a table without a key, which has one state at its end, moves although it is larger than every queue', async () => {
    await using shop = await testDatabase()
    await shop.query('CREATE TABLE events (at integer, body text)')
    await shop.query(
      `INSERT INTO events SELECT n, repeat(md5(n::text), 32) FROM generate_series(1, 40000) n`,
    )
    const plan = await planRun({
      connection: `unit-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
      destination: shop.address,
      schema: 'copied',
      log: logConfig(log),
      mode: 'overwrite',
    })
    const { result } = await runPlan(plan)
    expect(result.streams[0]).toMatchObject({ status: 'complete', loaded: 40_000 })
    const [row] = await shop.query(
      `SELECT count(*)::int AS different FROM (SELECT * FROM events EXCEPT ALL SELECT at, body FROM copied.events) x`,
    )
    expect(row).toEqual({ different: 0 })
  })

  test('small records before and after one that is larger than every queue arrive', async () => {
    await using shop = await testDatabase()
    await shop.query('CREATE TABLE pages (id integer PRIMARY KEY, body text)')
    await shop.query(
      `INSERT INTO pages SELECT n, CASE n WHEN 1500 THEN repeat('x', 7500000) ELSE repeat('y', 1000) END FROM generate_series(1, 3000) n`,
    )
    const plan = await planRun({
      connection: `unit-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
      destination: shop.address,
      schema: 'copied',
      log: logConfig(log),
      mode: 'append_dedup',
    })
    const { result } = await runPlan(plan)
    expect(result.streams[0]).toMatchObject({ status: 'complete', loaded: 3_000 })
  })
})
