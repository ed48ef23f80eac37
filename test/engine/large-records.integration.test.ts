import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const logs: readonly LogName[] = ['embedded', 'kafka block', 'kafka record']

test.each(usually(1, logs))(
  'a record of nearly 64 MiB arrives through the %s log, a larger one is rejected',
  async (log) => {
    await using db = await testDatabase()
    const mib = 1024 * 1024
    await db.query(
      `CREATE TABLE large (id int PRIMARY KEY, t text);
       INSERT INTO large VALUES (1, repeat('0123456789abcdef', ${(63.9 * mib) / 16}::int)),
         (2, repeat('0123456789abcdef', ${(64 * mib) / 16})), (3, 'small')`,
    )
    const plan = await planRun({
      connection: `large-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
      destination: db.address,
      schema: 'warehouse',
      log: logConfig(log),
      mode: 'append_dedup',
    })
    const { result } = await runPlan(plan)
    expect(result.streams[0]).toMatchObject({ read: 3, loaded: 2, rejected: 1 })
    expect(result.streams[0]?.error).toBeUndefined()
    expect(
      await db.query(
        `SELECT w.id::int, w.t = s.t AS same FROM warehouse.large w JOIN public.large s USING (id) ORDER BY 1`,
      ),
    ).toEqual([
      { id: 1, same: true },
      { id: 3, same: true },
    ])
    expect(await db.query('SELECT reason FROM reactor_connect.rejected_records')).toEqual([
      {
        reason: expect.stringMatching(
          /^record of \d+ bytes is larger than the 67108864/,
        ) as unknown,
      },
    ])
  },
)
