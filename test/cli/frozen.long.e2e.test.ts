import { expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { testDatabase } from '../support/postgres.ts'
import { eventsOf, startRun } from './reactor-command.ts'
import { runHere } from './run-here.ts'
import { runFile } from '../support/run-file.ts'

test('a process that is frozen in the exchange of an overwrite is taken over, and is fenced when it wakes', async () => {
  await using warehouse = await testDatabase()
  await using file = await runFile({
    connection: 'shop',
    source: { type: 'faker', config: { streams: [{ name: 'users', rows: 1_000 }] } },
    destination: {
      type: 'postgres',
      config: { ...warehouse.address, password: '${PG_PASSWORD}', schema: 'copy' },
    },
    defaults: { destination_sync_mode: 'overwrite' },
  })
  const options = { args: ['--json'], env: { PG_PASSWORD: warehouse.address.password } }
  expect(await runHere(file.path, options)).toMatchObject({ code: 0 })
  await using holder = await DestinationSession.open({ address: warehouse.address })
  await holder.run('BEGIN; LOCK TABLE copy.users IN SHARE MODE')
  const frozen = startRun(file.path, options)
  const exchange = (state: string): Promise<readonly unknown[]> =>
    warehouse.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%DELETE FROM "copy"."users"%' AND ${state}`,
    )
  await expect.poll(() => exchange("wait_event_type = 'Lock'"), { timeout: 30_000 }).toHaveLength(1)
  frozen.process.kill('SIGSTOP')
  try {
    await holder.rollback()
    await expect.poll(() => exchange("state = 'idle in transaction'")).toHaveLength(1)
    expect(await runHere(file.path, options)).toMatchObject({ code: 0 })
  } finally {
    frozen.process.kill('SIGCONT')
  }
  const woken = await frozen.end
  expect(woken.code).toBe(1)
  expect(eventsOf(woken).at(-1)).toMatchObject({ streams: [{ error: { code: 'fenced' } }] })
  expect(await warehouse.query('SELECT DISTINCT id FROM copy.users')).toHaveLength(1_000)
}, 120_000)
