import { once } from 'node:events'
import type { Jobs } from './jobs.ts'
import type { PgBossQueue } from './pg-boss-queue.ts'

/** Jobs of this service's own: a run goes straight into the queue, and schedules are fired by the scheduler. */
export function pgBossJobs(queue: PgBossQueue): Jobs {
  return {
    firesSchedules: false,
    submit: ({ run, delayMs }) => queue.send(run, delayMs),
    withdraw: (run) => queue.withdraw(run),
    place: null,
    // The scheduler goes by the connections' `nextRunAt`.
    setSchedule: () => Promise.resolve(),
    // The queue is in the metadata database, which is checked itself.
    check: () => Promise.resolve(),
    deliver: async (_, signal) => {
      if (!signal.aborted) await once(signal, 'abort')
    },
    // The queue is its owner's to close.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
