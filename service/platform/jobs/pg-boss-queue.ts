import { createHash } from 'node:crypto'
import { PgBoss, type Db } from 'pg-boss'
import type { Logger } from 'pino'
import { Database, type Session } from '../database/database.ts'
import type { QueuedRun, RunQueue } from './jobs.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { OutageLog } from '../log/outage-log.ts'
import { Wake } from '../../../lib/async/wake.ts'

export interface QueueOptions {
  /** The metadata database. */
  readonly url: string
  readonly logger: Logger
  /**
   * How often a process with a free slot looks for runs. It takes those that it queues itself at once.
   * Default 1 s.
   */
  readonly pollMs?: number
}

const queue = 'runs'
const schema = 'reactor_connect_jobs'

/** Throws `store_unavailable`. */
export async function openPgBossQueue(options: QueueOptions): Promise<PgBossQueue> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(
    new Database({ url: options.url, sessions: 3, logger: options.logger }),
  )
  // No job outlives the statement that takes it, so pg-boss need not supervise any, and the schedules are
  // ours (scheduler.ts).
  const idle = { supervise: false, schedule: false, registerInstance: false }
  const boss = new PgBoss({ db: dbOf(database), schema, ...idle })
  boss.on('error', (error) => {
    options.logger.warn({ err: error }, 'the queue of runs has a problem')
  })
  await boss.start()
  resources.defer(() => boss.stop({ graceful: false }))
  await boss.createQueue(queue)
  const open = resources.move()
  return new PgBossQueue(options, { boss, database, close: () => open.disposeAsync() })
}

interface Opened {
  readonly boss: PgBoss
  readonly database: Database
  readonly close: () => Promise<void>
}

/**
 * Due runs, in the metadata database. Taking a run and deleting its job is one transaction: from then on, the
 * run's row says whether a process works on it. If the process dies before it has written that, the run is
 * found as a lost one.
 */
export class PgBossQueue implements RunQueue, AsyncDisposable {
  readonly #opened: Opened
  readonly #logger: Logger
  readonly #pollMs: number
  readonly #wake = new Wake()
  readonly #outage: OutageLog

  constructor({ logger, pollMs = 1_000 }: QueueOptions, opened: Opened) {
    this.#opened = opened
    this.#logger = logger
    this.#pollMs = pollMs
    this.#outage = new OutageLog({
      logger,
      message: 'runs that are due could not be taken from the queue',
      backMessage: 'runs that are due are taken from the queue again',
    })
  }

  async send(run: string, delayMs: number): Promise<void> {
    const startAfter = Math.max(0, delayMs) / 1_000
    await this.#opened.boss.send(queue, { run }, { id: jobId(run), startAfter })
    if (delayMs <= 0) this.#wake.now()
  }

  async sendAll(runs: readonly QueuedRun[]): Promise<void> {
    if (runs.length === 0) return
    const jobs = runs.map(({ run, delayMs }) => {
      return { id: jobId(run), data: { run }, startAfter: Math.max(0, delayMs) / 1_000 }
    })
    await this.#opened.boss.insert(queue, jobs)
    if (runs.some(({ delayMs }) => delayMs <= 0)) this.#wake.now()
  }

  /** Removes the run if it is queued. */
  async withdraw(run: string): Promise<void> {
    await this.#opened.boss.deleteJob(queue, jobId(run))
  }

  async receive(options: Parameters<RunQueue['receive']>[0]): Promise<void> {
    const { parallel, signal, work } = options
    const working = new Set<Promise<void>>()
    const begin = (run: string): void => {
      const job = work(run)
        .catch((error: unknown) => {
          this.#logger.error({ run, err: error }, 'the work on a run failed')
        })
        .finally(() => {
          working.delete(job)
          this.#wake.now()
        })
      working.add(job)
    }
    while (!signal.aborted) {
      const room = parallel - working.size
      const runs = room === 0 ? [] : await this.#take(room)
      runs.forEach(begin)
      if (runs.length === 0) await this.#wake.wait(this.#pollMs, signal)
    }
    await Promise.all(working)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.close()
  }

  /** Returns none if the database does not respond: the query is repeated. */
  async #take(room: number): Promise<readonly string[]> {
    const { boss, database } = this.#opened
    try {
      const runs = await database.transaction(async (session) => {
        const db = dbOf(session)
        const jobs = await boss.fetch<{ run: string }>(queue, { batchSize: room, db })
        if (jobs.length > 0)
          await boss.deleteJob(
            queue,
            jobs.map(({ id }) => id),
            { db },
          )
        return jobs.map(({ data }) => data.run)
      })
      this.#outage.worked()
      return runs
    } catch (error) {
      const { code, message } = ConnectError.from(error)
      this.#outage.failed(code === 'unexpected' ? { err: error } : { code, reason: message })
      return []
    }
  }
}

function dbOf(database: Session): Db {
  return {
    executeSql: async (sql, values = []) => ({ rows: await database.query(sql, values) }),
  }
}

/** Equal for the same run, so that a queued run is not queued twice. */
function jobId(run: string): string {
  const hex = createHash('sha256').update(run).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
}
