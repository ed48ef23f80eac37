import { once } from 'node:events'
import type { Jobs } from './jobs.ts'
import type { PgBossQueue } from './pg-boss-queue.ts'

/** Jobs in this service: a run goes straight into the queue, and the scheduler fires the schedules. */
export function pgBossJobs(queue: PgBossQueue): Jobs {
  return {
    firesSchedules: false,
    submit: ({ run, delayMs }) => queue.send(run, delayMs),
    withdraw: (run) => queue.withdraw(run),
    place: null,
    // The scheduler uses the connections' `nextRunAt`.
    setSchedule: () => Promise.resolve(),
    // The queue is in the metadata database, which has its own check.
    check: () => Promise.resolve(),
    deliver: async (_, signal) => {
      if (!signal.aborted) await once(signal, 'abort')
    },
    // The owner of the queue closes it.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
