import type { Logger } from 'pino'
import { Slots } from '../../lib/async/slots.ts'
import { openPool, runIn, type JobOptions } from './pool.ts'
import type { ExpectedJobs, JobResult, LoadLaneJob, ReadLaneJob } from './protocol.ts'

/** The threads of this process in which lanes are read and loaded. All runs share them. */
export interface WorkerThreads extends AsyncDisposable {
  /**
   * For one run, which reads and loads this many lanes at the same time at most. A run waits in line with no
   * more jobs than these, so that one of a thousand streams does not hold up one of a single stream.
   */
  forRun(lanes: number): LaneThreads
}

export interface LaneThreads {
  read(job: ReadLaneJob, options: JobOptions): Promise<JobResult<'complete' | 'stopped'>>
  load(job: LoadLaneJob, options: JobOptions): Promise<JobResult<'closed' | 'stopped'>>
}

export interface WorkerThreadsOptions {
  /** Lanes of all runs that are read, and loaded, at the same time: the number of threads of each kind. */
  readonly lanes: number
  /** Heap of one thread; a job that needs more fails, never the process. Default 256. */
  readonly heapMb?: number | undefined
  /** How long a thread stays without work; one of each kind stays for good. */
  readonly idleMs?: number
  /** Absent if jobs of all kinds may come. */
  readonly expectedJobs?: ExpectedJobs
  readonly logger: Logger
}

/** Both pools serve jobs in order, so the sink of a lane is never behind one whose reader waits for it. */
export function openWorkerThreads(options: WorkerThreadsOptions): WorkerThreads {
  const { lanes, heapMb = 256, idleMs = 1_000, expectedJobs, logger } = options
  const pool = { minThreads: 1, threads: lanes, heapMb, idleMs, expectedJobs, logger }
  const readers = openPool<ReadLaneJob, 'complete' | 'stopped'>(
    { path: '../read/read-worker', name: 'readLane' },
    pool,
  )
  const sinks = openPool<LoadLaneJob, 'closed' | 'stopped'>(
    { path: '../load/sink-worker', name: 'loadLane' },
    pool,
  )
  return {
    forRun(ofRun) {
      const reading = new Slots(ofRun)
      const loading = new Slots(ofRun)
      return {
        read: (job, jobOptions) => reading.run(() => runIn(readers, job, jobOptions)),
        load: (job, jobOptions) => loading.run(() => runIn(sinks, job, jobOptions)),
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([readers.destroy(), sinks.destroy()])
    },
  }
}
