import type { Piscina } from 'piscina'
import type { Logger } from 'pino'
import { Slots } from '../../lib/async/slots.ts'
import { openPool, runIn, type JobOptions, type PoolOptions } from './pool.ts'
import type { ExpectedJobs, JobResult, LoadLaneJob, ReadLaneJob } from './protocol.ts'

/** The threads of this process in which lanes are read and loaded. All runs share them. */
export interface WorkerThreads extends AsyncDisposable {
  /**
   * For one run, which reads and loads this many lanes at the same time at most. A run waits in line with no
   * more jobs than these, so that one of a thousand streams does not hold up one of a single stream.
   */
  forRun(lanes: number): LaneThreads
  /**
   * For one run whose source is a feed of this many lanes: two threads of its own, one in which all lanes are
   * read and one in which they are loaded, all at the same time.
   */
  forFeed(lanes: number): LaneThreads
}

/** Dispose it after the last job. */
export interface LaneThreads extends AsyncDisposable {
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

interface LanePools extends AsyncDisposable {
  readonly readers: Piscina<ReadLaneJob, JobResult<'complete' | 'stopped'>>
  readonly sinks: Piscina<LoadLaneJob, JobResult<'closed' | 'stopped'>>
}

function openPools(options: PoolOptions): LanePools {
  const readers = openPool<ReadLaneJob, 'complete' | 'stopped'>(
    { path: '../read/read-worker', name: 'readLane' },
    options,
  )
  const sinks = openPool<LoadLaneJob, 'closed' | 'stopped'>(
    { path: '../load/sink-worker', name: 'loadLane' },
    options,
  )
  return {
    readers,
    sinks,
    async [Symbol.asyncDispose]() {
      await Promise.all([readers.destroy(), sinks.destroy()])
    },
  }
}

/** Both pools serve jobs in order, so the sink of a lane is never behind one whose reader waits for it. */
export function openWorkerThreads(options: WorkerThreadsOptions): WorkerThreads {
  const { lanes, heapMb = 256, idleMs = 1_000, expectedJobs, logger } = options
  const shared = { heapMb, idleMs, expectedJobs, logger }
  const pools = openPools({ ...shared, minThreads: 1, threads: lanes })
  return {
    forRun(ofRun) {
      const reading = new Slots(ofRun)
      const loading = new Slots(ofRun)
      return {
        read: (job, jobOptions) => reading.run(() => runIn(pools.readers, job, jobOptions)),
        load: (job, jobOptions) => loading.run(() => runIn(pools.sinks, job, jobOptions)),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }
    },
    forFeed(ofFeed) {
      const own = openPools({ ...shared, minThreads: 0, threads: 1, jobsPerThread: ofFeed })
      return {
        read: (job, jobOptions) => runIn(own.readers, job, jobOptions),
        load: (job, jobOptions) => runIn(own.sinks, job, jobOptions),
        [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: () => pools[Symbol.asyncDispose](),
  }
}
