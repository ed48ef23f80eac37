import { expect, test } from 'vitest'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'

test('a run that had ended, and is started again because nobody heard of it, appends nothing twice', async () => {
  await using db = await testDatabase()
  const plan = await planRun({
    connection: 'shop',
    destination: db.address,
    schema: 'shop',
    mode: 'append',
    source: { type: 'faker', config: { streams: [{ name: 'items', rows: 1_000 }] } },
    log: { kind: 'embedded' },
  })
  const count = async (): Promise<unknown> =>
    (await db.query('SELECT count(*)::int AS count FROM shop.items'))[0]?.count
  await runPlan({ ...plan, runKey: 'run_1' })
  const again = await runPlan({ ...plan, runKey: 'run_1' })
  expect(again.result).toMatchObject({ status: 'complete', streams: [{ loaded: 0 }] })
  expect(await count()).toBe(1_000)
  // Another run of a full refresh appends all of it once more.
  await runPlan({ ...plan, runKey: 'run_2' })
  expect(await count()).toBe(2_000)
})
