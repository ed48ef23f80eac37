import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { RunPlan } from '../../engine/run-types.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const rows = 10

function planOf({ address: destination }: Pick<TestDatabase, 'address'>): Promise<RunPlan> {
  return planRun({
    connection: `start-${randomUUID().slice(0, 8)}`,
    source: {
      type: 'faker',
      config: { seed: 1, streams: [{ name: 'things', columns: 'narrow', rows }] },
    },
    destination,
    schema: 'copy',
    log: { kind: 'embedded' },
    mode: 'append',
  })
}

/** Ends the session that waits for the lock, once there is one. */
async function endWaitingSession(db: TestDatabase): Promise<void> {
  const end = async (): Promise<number> => {
    const ended = await db.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'reactor-connect' AND wait_event_type = 'Lock'`,
    )
    return ended.length
  }
  await expect.poll(end, { timeout: 30_000 }).toBe(1)
}

test('a run whose session at the destination is lost before the first stream tries again', async () => {
  await using db = await testDatabase()
  const plan = await planOf(db)
  await runPlan(plan)
  await using holder = await DestinationSession.open({ address: db.address })
  // The start of the run waits for the table.
  await holder.run('BEGIN; LOCK TABLE reactor_connect.runs')
  const running = runPlan(plan)
  try {
    await endWaitingSession(db)
  } finally {
    await holder.rollback()
  }
  const { result, log } = await running
  expect(result).toMatchObject({ status: 'complete', streams: [{ loaded: rows }] })
  expect(log).toMatchObject([{ code: 'destination_connection_lost', attempt: 1 }])
})

test('a run that finds no destination says so at once', async () => {
  await using db = await testDatabase()
  const plan = await planOf({ ...db, address: { ...db.address, port: 1 } })
  await expect(runPlan(plan)).rejects.toMatchObject({ code: 'destination_unreachable' })
})
