import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { logConfig, planRun, runPlan, type LogName, type PlanOptions } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const logs: readonly LogName[] = ['embedded', 'kafka block', 'kafka record']

async function load(db: TestDatabase, options: Partial<PlanOptions>): Promise<void> {
  const plan = await planRun({
    connection: `exact-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: db.address,
    schema: 'warehouse',
    log: logConfig('embedded'),
    mode: 'overwrite',
    ...options,
  })
  const { result } = await runPlan(plan)
  expect(result.streams.map(({ error, rejected }) => ({ error, rejected }))).toEqual(
    result.streams.map(() => ({ error: undefined, rejected: 0 })),
  )
}

const moments = `
  (1, '0001-01-01', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00'),
  (2, '9999-12-31', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00'),
  (3, '10000-01-01', '10000-01-01', '10000-01-01 00:00:00+00'),
  (4, '999999-12-31', '99999-12-31 01:02:03.4', '99999-12-31 01:02:03.4+00'),
  (5, '1000000-01-01', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00'),
  (6, '5874897-12-31', '294247-01-10 04:00:54.775808', '294247-01-10 04:00:54.775808+00'),
  (7, '0001-12-31 BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00.000001+00 BC'),
  (8, '4714-11-24 BC', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC'),
  (9, 'infinity', '-infinity', 'infinity'),
  (10, '-infinity', 'infinity', '-infinity')`

describe.each(usually(1, logs))('through the %s log', (log) => {
  test('every date and timestamp that PostgreSQL can hold arrives as it is, as text and binary', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE far_binary (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz);
       INSERT INTO far_binary VALUES ${moments};
       CREATE TABLE far_text (LIKE far_binary INCLUDING ALL, of_text interval);
       INSERT INTO far_text SELECT * FROM far_binary`,
    )
    await load(db, { log: logConfig(log), metadata: 'minimal' })
    for (const table of ['far_binary', 'far_text']) {
      const columns = 'id::int, d, ts, tz'
      expect(
        await db.query(
          `(SELECT 'missing' AS what, ${columns} FROM public.${table} EXCEPT ALL SELECT 'missing', ${columns} FROM warehouse.${table})
           UNION ALL
           (SELECT 'wrong', ${columns} FROM warehouse.${table} EXCEPT ALL SELECT 'wrong', ${columns} FROM public.${table})`,
        ),
      ).toEqual([])
    }
  })

  test('arrays that differ in their lower bounds only are different values, also as keys', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE bounds (k int[] PRIMARY KEY, v int[], m money[], t text[]);
       INSERT INTO bounds VALUES
         ('{1,2}', '{}', '{1.10,NULL}', '{a}'),
         ('{}', NULL, '[0:0]={2.5}', '[-1:0]={"x,y",NULL}'),
         ('[0:1]={1,2}', '[2:3][1:2]={{1,2},{3,4}}', NULL, '{}'),
         ('[1:1][0:1]={{1,2}}', '{{1,2}}', NULL, NULL)`,
    )
    await load(db, { log: logConfig(log), mode: 'append_dedup' })
    const rows = await db.query('SELECT k, v, m, t FROM warehouse.bounds ORDER BY k::text')
    expect(rows).toEqual([
      { k: '[0:1]={1,2}', v: '[2:3][1:2]={{1,2},{3,4}}', m: null, t: [] },
      { k: '[1:1][0:1]={{1,2}}', v: [[1, 2]], m: null, t: null },
      { k: [1, 2], v: [], m: ['1.10', null], t: ['a'] },
      { k: [], v: null, m: '[0:0]={2.50}', t: '[-1:0]={"x,y",NULL}' },
    ])
  })
})
