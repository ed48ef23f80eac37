import { expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'

test('a run whose statement at the destination is cancelled goes on from its last checkpoint', async () => {
  await using db = await testDatabase()
  const plan = await planRun({
    connection: 'shop',
    source: { type: 'faker', config: { streams: [{ name: 'a', rows: 20 }] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'overwrite',
  })
  await runPlan(plan)
  await using holder = await DestinationSession.open({ address: db.address })
  await holder.run('BEGIN; LOCK TABLE dest.a IN SHARE MODE')
  const running = runPlan(plan)
  // The swap of the new generation waits for the lock.
  const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%DELETE FROM "dest"."a"%' AND wait_event_type = 'Lock'`
  await expect.poll(() => db.query(cancel), { timeout: 20_000 }).toHaveLength(1)
  await holder.run('ROLLBACK')
  const { result, log } = await running
  expect(result.status).toBe('complete')
  expect(log).toEqual([
    expect.objectContaining({
      code: 'destination_query_cancelled',
      reason: expect.stringMatching(/\(SQLSTATE 57014\): .* due to user request$/) as unknown,
      msg: 'stream failed, trying again',
    }),
  ])
  expect(await db.query('SELECT FROM dest.a')).toHaveLength(20)
})
