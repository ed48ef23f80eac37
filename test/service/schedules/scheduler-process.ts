import { pgBossJobs } from '../../../service/platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue } from '../../../service/platform/jobs/pg-boss-queue.ts'
import { Scheduler } from '../../../service/schedules/scheduler.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { silent as logger } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

/** A scheduler on a database, until it is killed. */
const [url = ''] = process.argv.slice(2)
const store = await openStore({ url, logger })
const queue = await openPgBossQueue({ url, logger })
const scheduler = new Scheduler({
  store,
  queue,
  jobs: pgBossJobs(queue),
  logger,
  staleMs: 60_000,
  timing: { lookMs: 10, lateMs: 5_000 },
  now: Date.now,
  random: Math.random,
})
process.stdout.write('ready\n')
await scheduler.run(neverAborted())
