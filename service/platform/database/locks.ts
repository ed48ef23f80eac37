import type { Logger } from 'pino'
import { Database } from './database.ts'

export interface ExclusiveWork {
  /**
   * Runs `work` while no other holder of this lock does, in any process on this database. The lock of a
   * process that dies is released. Do not nest. For work of seconds (a token refresh, a sandbox), not for a
   * run.
   */
  runExclusively<Result>(lock: string, work: () => Promise<Result>): Promise<Result>
}

/**
 * Locks between processes: each held lock has a session with the database, so it is released when the process
 * dies. The sessions are not those of the store, which the work under a lock needs. Waiters of this process
 * wait here, and hold no session.
 */
export class Locks implements ExclusiveWork, AsyncDisposable {
  readonly #database: Database
  readonly #logger: Logger
  /** By lock: settles when the last waiter of this process is done. */
  readonly #lines = new Map<string, Promise<void>>()

  constructor({ url, logger }: { readonly url: string; readonly logger: Logger }) {
    this.#database = new Database({ url, sessions: 12, waitMs: 30_000, logger })
    this.#logger = logger
  }

  async runExclusively<Result>(lock: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#lines.get(lock)
    const turn = Promise.withResolvers<undefined>()
    const line = Promise.all([before, turn.promise]).then(() => undefined)
    this.#lines.set(lock, line)
    try {
      await before
      return await this.#holdLock(lock, work)
    } finally {
      turn.resolve(undefined)
      if (this.#lines.get(lock) === line) this.#lines.delete(lock)
    }
  }

  /** Whether a living process holds this lock. */
  async isHeld(lock: string): Promise<boolean> {
    const [row] = await this.#database.query<{ free: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('reactor-connect ' || $1, 0)) AS free`,
      [lock],
    )
    return row?.free !== true
  }

  async #holdLock<Result>(lock: string, work: () => Promise<Result>): Promise<Result> {
    let done: { readonly result: Result } | undefined
    try {
      await this.#database.session(async (session) => {
        // The server notices within half a minute that a machine is gone, not after its default of hours.
        await session.query(
          `SELECT set_config('tcp_keepalives_idle', '10', false),
             set_config('tcp_keepalives_interval', '5', false),
             set_config('tcp_keepalives_count', '4', false),
             pg_advisory_lock(hashtextextended('reactor-connect ' || $1, 0))`,
          [lock],
        )
        done = { result: await work() }
        await session.query('SELECT pg_advisory_unlock_all()')
      })
    } catch (error) {
      if (done === undefined) throw error
      this.#logger.warn({ err: error, lock }, 'the session of a lock was lost while it was held')
    }
    if (done === undefined) throw new TypeError('a lock was left before its work was done')
    return done.result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }
}
