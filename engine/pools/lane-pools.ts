import type { ReadLaneJob } from '../reader/read-worker.ts'
import type { LoadLaneJob } from '../writer/sink-worker.ts'
import { openPool, runIn, type JobOptions, type PoolOptions } from './worker-pool.ts'
import type { JobResult } from './worker-job.ts'

/** The worker threads of a run: read workers and sink workers, as many of each as lanes move at the same time. */
export interface LanePools extends AsyncDisposable {
  read(job: ReadLaneJob, options: JobOptions): Promise<JobResult<'complete' | 'stopped'>>
  load(job: LoadLaneJob, options: JobOptions): Promise<JobResult<'closed' | 'stopped'>>
}

/** Both pools hand out threads in the order of the jobs, so the sink of a lane is never behind one whose reader waits for it. */
export function openLanePools(options: Omit<PoolOptions, 'minThreads'>): LanePools {
  const pool = { ...options, minThreads: 1 }
  const readers = openPool<ReadLaneJob, 'complete' | 'stopped'>(
    { path: '../reader/read-worker', name: 'readLane' },
    pool,
  )
  const sinks = openPool<LoadLaneJob, 'closed' | 'stopped'>(
    { path: '../writer/sink-worker', name: 'loadLane' },
    pool,
  )
  return {
    read: (job, jobOptions) => runIn(readers, job, jobOptions),
    load: (job, jobOptions) => runIn(sinks, job, jobOptions),
    async [Symbol.asyncDispose]() {
      await Promise.all([readers.destroy(), sinks.destroy()])
    },
  }
}
