import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { pgBossJobs } from '../../../../service/platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue } from '../../../../service/platform/jobs/pg-boss-queue.ts'
import { startPostgres, testDatabase } from '../../../support/postgres.ts'
import { jobsContract, type JobsPlace } from './jobs-contract.ts'
import { receiving } from './receiving.ts'
import { silent } from '../../../support/logger.ts'
import { longTest } from '../../../support/long.ts'

async function place(): Promise<JobsPlace> {
  const database = await testDatabase()
  return {
    process: async () => {
      const queue = await openPgBossQueue({ url: database.url, logger: silent, pollMs: 50 })
      return {
        queue,
        jobs: pgBossJobs(queue),
        [Symbol.asyncDispose]: async () => queue[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: async () => database[Symbol.asyncDispose](),
  }
}

jobsContract('jobs in the metadata database', place)

test('services that start at once make one queue', async () => {
  await using database = await testDatabase()
  await using queues = new AsyncDisposableStack()
  const options = { url: database.url, logger: silent }
  const opened = await Promise.all([1, 2, 3, 4].map(async () => openPgBossQueue(options)))
  for (const queue of opened) queues.use(queue)
  await opened[0]?.send('run_1', 0)
  const jobs = await database.query(`SELECT state FROM reactor_connect_jobs.job`)
  expect(jobs).toEqual([{ state: 'created' }])
})

test('what an upgrade of the queue leaves to be done in the background is done', async () => {
  await using database = await testDatabase()
  const warnings: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(line) })
  const options = { url: database.url, logger }
  await (await openPgBossQueue(options))[Symbol.asyncDispose]()
  const schema = 'reactor_connect_jobs'
  const command = `CREATE INDEX left_over ON ${schema}.job (created_on)`
  await database.query(
    `INSERT INTO ${schema}.bam (name, version, status, table_name, command)
     VALUES ('left_over', 1, 'pending', 'job', '${command}')`,
  )
  await database.query(`UPDATE ${schema}.version SET bam_on = NULL`)
  await using opened = await openPgBossQueue(options)
  await vi.waitFor(async () => {
    const rows = await database.query(`SELECT status FROM ${schema}.bam WHERE name = 'left_over'`)
    expect(rows).toEqual([{ status: 'completed' }])
  }, 10_000)
  await opened.send('run_1', 0)
  expect(warnings).toEqual([])
})

test('nothing is left of a run that was taken', async () => {
  await using database = await testDatabase()
  await using queue = await openPgBossQueue({ url: database.url, logger: silent, pollMs: 50 })
  await using worker = receiving(queue)
  await queue.send('run_1', 0)
  await vi.waitFor(() => {
    expect(worker.runs).toEqual(['run_1'])
  }, 10_000)
  expect(await database.query(`SELECT id FROM reactor_connect_jobs.job`)).toEqual([])
})

longTest('a queue without its database says so, and goes on when it is back', async () => {
  await using postgres = await startPostgres()
  await using queue = await openPgBossQueue({ url: postgres.url, logger: silent, pollMs: 50 })
  await using worker = receiving(queue)
  await postgres.kill9()
  await expect(queue.send('run_1', 0)).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(openPgBossQueue({ url: postgres.url, logger: silent })).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  await postgres.restart()
  await queue.send('run_2', 0)
  await vi.waitFor(
    () => {
      expect(worker.runs).toEqual(['run_2'])
    },
    { timeout: 10_000 },
  )
})
