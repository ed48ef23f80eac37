import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import type { Transferable } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { ExpectedJobs, JobResult } from './protocol.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'

export interface JobOptions {
  readonly transfer: readonly Transferable[]
  /** Kills the worker's thread: the last resort, a job is stopped by a message. */
  readonly kill: AbortSignal
}

/**
 * V8 would take 48: 35 MB more at the peak of a run of 5,000,000 rows, at the same rate
 * (docs/performance-methods.md, 2026-11).
 */
const youngMb = 12
/**
 * Without this, the process's own limit (`--max-semi-space-size`, cli/main.ts) would apply to its threads
 * too, whatever their own limit. The main thread keeps it. 25 of 275 MB less in a run of 300 tables, at the
 * same rate.
 */
const noSemiSpaceOfProcess = '--max-semi-space-size=0'

export interface PoolOptions {
  /** Threads that stay while there is no work. */
  readonly minThreads: number
  readonly threads: number
  readonly heapMb: number
  /** Jobs that a thread runs at the same time. Default 1. */
  readonly jobsPerThread?: number
  /** How long the others stay without work. */
  readonly idleMs: number
  readonly expectedJobs?: ExpectedJobs | undefined
  readonly logger: Logger
}

/** Opens a pool of threads that run the function of this name of a module. */
export function openPool<Job, T>(
  worker: { readonly path: string; readonly name: string },
  { minThreads, threads, heapMb, jobsPerThread = 1, idleMs, expectedJobs, logger }: PoolOptions,
): Piscina<Job, JobResult<T>> {
  const { name } = worker
  setFlagsFromString(noSemiSpaceOfProcess)
  const pool = new Piscina<Job, JobResult<T>>({
    filename: workerUrl(worker.path),
    name,
    minThreads,
    maxThreads: threads,
    concurrentTasksPerWorker: jobsPerThread,
    idleTimeout: idleMs,
    // A worker that waits on Atomics between jobs would not finish closing its sockets.
    atomics: 'disabled',
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb },
    env: workerEnvironment(),
    workerData: { expectedJobs },
  })
  // Without a handler, a worker that dies while idle would end the process. One that dies with a job rejects
  // the job. Its message is left out: it may contain secrets of earlier jobs, which are no longer masked.
  pool.on('error', (error: unknown) => {
    logger.error({ worker: name, ...kindOf(error) }, 'a worker thread died')
  })
  return pool
}

function kindOf(error: unknown): { readonly kind: string; readonly code?: unknown } {
  if (!(error instanceof Error)) return { kind: typeof error }
  return 'code' in error ? { kind: error.name, code: error.code } : { kind: error.name }
}

/**
 * Passes nothing of the process's environment: a job brings what it needs (pg would read PGHOST and the
 * like). The compile cache, if the program has switched it on, saves each thread about 100 ms of its start
 * (2026-11, as TypeScript).
 */
function workerEnvironment(): Record<string, string> {
  const directory = getCompileCacheDir()
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) }
}

/** A thread that died with the job is a failed result, as is one that was killed. */
export async function runIn<Job, T>(
  pool: Piscina<Job, JobResult<T>>,
  job: Job,
  options: JobOptions,
): Promise<JobResult<T>> {
  const isShared = pool.options.concurrentTasksPerWorker > 1
  const run = isShared ? runBeside : runAlone
  try {
    return await run(pool, job, options)
  } catch (error) {
    return { status: 'failed', error: workerDeath(error).toJSON() }
  }
}

function runAlone<Job, T>(
  pool: Piscina<Job, T>,
  job: Job,
  { transfer, kill }: JobOptions,
): Promise<T> {
  return pool.run(job, { transferList: [...transfer], signal: kill })
}

/**
 * Piscina gives a thread that runs a job with a signal no other job. The kill ends the thread, and so the
 * jobs beside it; the next job gets another one.
 */
async function runBeside<Job, T>(
  pool: Piscina<Job, T>,
  job: Job,
  { transfer, kill }: JobOptions,
): Promise<T> {
  const end = (): void => {
    for (const thread of pool.threads) void thread.terminate()
  }
  if (kill.aborted) end()
  kill.addEventListener('abort', end, { once: true })
  try {
    return await pool.run(job, { transferList: [...transfer] })
  } finally {
    kill.removeEventListener('abort', end)
  }
}

function workerDeath(error: unknown): ConnectError {
  const reason = error instanceof Error ? error.message : String(error)
  const code = errorCodeOf(error)
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new ConnectError('worker_out_of_memory', { cause: error })
  return new ConnectError('worker_died', { details: { reason }, cause: error })
}

/** The workers run as TypeScript in the sources and as JavaScript in dist/. */
function workerUrl(path: string): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new URL(`${path}${extension}`, import.meta.url).href
}
