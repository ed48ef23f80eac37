import { describe, expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { eventsOf, startRun, type Started } from './reactor-command.ts'
import { runFile } from '../support/run-file.ts'
import { longTest, usually } from '../support/long.ts'

/**
 * The grace period of docs/operations.md is the promise, so it is measured. A run that nothing else slows
 * down ends in some 35 s.
 */
const limitMs = 45_000
const timeout = 120_000

const env = (database: TestDatabase): NodeJS.ProcessEnv => ({
  PG_PASSWORD: database.address.password,
})

function connection({ address }: TestDatabase, stream: object = {}): object {
  return {
    connection: 'shop',
    source: { type: 'faker', config: { streams: [{ name: 'users', rows: 2_000, ...stream }] } },
    destination: {
      type: 'postgres',
      config: { ...address, password: '${PG_PASSWORD}', schema: 'copy' },
    },
    limits: { commit_ms: 50 },
  }
}

/** Holds what the statements lock, until its transaction ends. */
async function holderOf(database: TestDatabase, locks: string): Promise<DestinationSession> {
  const holder = await DestinationSession.open({ address: database.address })
  await holder.run(`BEGIN; ${locks}`)
  return holder
}

/** Resolves when a session of the run waits for a lock that somebody else holds. */
async function heldUp(database: TestDatabase): Promise<void> {
  const waiting = (): Promise<readonly unknown[]> =>
    database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database()
          AND application_name = 'reactor-connect' AND wait_event_type = 'Lock'`,
    )
  await expect.poll(waiting, { timeout: 20_000 }).not.toHaveLength(0)
}

async function expectStopInTime({ process, end }: Started): Promise<void> {
  const stoppedMs = performance.now()
  process.kill('SIGTERM')
  const ended = await end
  expect(ended).toMatchObject({ code: 4 })
  expect(performance.now() - stoppedMs).toBeLessThan(limitMs)
  expect(eventsOf(ended).at(-1)).toMatchObject({
    type: 'result',
    exit_code: 4,
    status: 'stopped',
    streams: [{ name: 'users', status: 'stopped' }],
  })
}

describe.concurrent('SIGTERM ends a run whose destination is held up', { timeout }, () => {
  test('while a stream begins', async () => {
    await using warehouse = await testDatabase()
    await using file = await runFile(connection(warehouse))
    expect(await startRun(file.path, { env: env(warehouse) }).end).toMatchObject({ code: 0 })
    await using holder = await holderOf(warehouse, 'SELECT FROM reactor_connect.streams FOR UPDATE')
    const started = startRun(file.path, { args: ['--json'], env: env(warehouse) })
    await heldUp(warehouse)
    await expectStopInTime(started)
    await holder.rollback()
  })

  longTest('while a lane commits', async () => {
    await using warehouse = await testDatabase()
    await using file = await runFile(
      connection(warehouse, { rows: 100_000, state_every: 100, rows_per_second: 1_000 }),
    )
    const started = startRun(file.path, { args: ['--json'], env: env(warehouse) })
    await started.output('stdout', /"loaded":[1-9]/)
    await using holder = await holderOf(warehouse, 'LOCK TABLE reactor_connect.slices')
    await heldUp(warehouse)
    await expectStopInTime(started)
    await holder.rollback()
  })
})

test.each(usually(1, ['SIGTERM', 'SIGINT']))(
  'a run that gets %s while the program is still being loaded has a result',
  async (signal) => {
    await using warehouse = await testDatabase()
    await using file = await runFile(connection(warehouse))
    const loading = `import { registerHooks } from 'node:module'
      let isSent = false
      registerHooks({ load(url, context, next) {
        if (!isSent && url.includes('/run-process')) {
          isSent = true
          process.kill(process.pid, '${signal}')
        }
        return next(url, context)
      } })`
    const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(loading)}`
    const started = startRun(file.path, {
      args: ['--json'],
      env: { ...env(warehouse), NODE_OPTIONS },
    })
    const ended = await started.end
    expect(ended).toMatchObject({ code: 4 })
    expect(eventsOf(ended)).toMatchObject([{ type: 'result', exit_code: 4, status: 'stopped' }])
  },
)
