import { DatabaseError, type QueryResult, type QueryResultRow } from 'pg'
import type { Logger } from 'pino'
import type { PostgresAddress } from '../../postgres/address.ts'
import { clientConfig } from '../../postgres/client-config.ts'
import { isBehindPooler, sharesProcess } from '../../postgres/pooler.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { pinPath, pinPathLocally, useRolePath } from '../../postgres/search-path.ts'
import { PostgresSession } from '../../postgres/session.ts'
import { ConnectError } from '../../protocol/index.ts'
import {
  destinationError,
  type DestinationPlace,
  poolerInTransactionMode,
} from './destination-errors.ts'
import { CopyIn } from './load/copy-in.ts'
import { bookkeepingSchema } from './postgres-place.ts'

/** UNIQUE NULLS NOT DISTINCT came with 15. */
const OLDEST_SERVER = 150_000

/**
 * A session with COPY sends one statement at a time; another one sends several together (`PostgresSession`).
 */
export type SessionWork = 'statements' | 'copies'

export interface TransactionOptions {
  readonly readsFirst?: boolean
  readonly lockSeconds?: number
}

/** The result of a statement that writes. */
export interface Written<R> {
  readonly rows: readonly R[]
  readonly changed: number
}

/**
 * A statement of `rows` sees only the catalog (postgres/search-path.ts): the catalog's own tables, the
 * bookkeeping, and reads. `run` and `copyIn` write and alter tables, which runs triggers and CHECKs of users.
 * These see the role's own search path, so every function, operator and type in such a statement must have
 * its schema.
 */
export class DestinationSession implements AsyncDisposable {
  readonly #session: PostgresSession
  #place: DestinationPlace
  /** The schema of the bookkeeping: its name, and quoted for SQL. */
  readonly bookkeepingSchema: string
  readonly bookkeeping: string
  #copy: CopyIn | undefined
  #logger: Logger | undefined
  #isPooled = false
  /** The BEGIN that went to the server together with the first reads of the transaction. */
  #begun: Promise<void> | undefined
  /** Statements that are sent together with the COMMIT. */
  #last: (readonly [string, readonly unknown[]])[] = []

  private constructor(place: DestinationPlace, use: SessionWork) {
    const { address } = place
    this.#place = place
    this.bookkeepingSchema = place.bookkeeping ?? bookkeepingSchema
    this.bookkeeping = quoteIdentifier(this.bookkeepingSchema)
    this.#session = new PostgresSession({
      config: clientConfig(address),
      prepares: true,
      pipelines: use === 'statements',
      isCopyWaiting: () => this.#copy?.isWaiting === true,
      lost: (reason) => {
        const { host, port, database } = address
        const details = { host, port, database, reason }
        return new ConnectError('destination_connection_lost', { details })
      },
      onLockWait: (wait) => {
        const { stream } = this.#place
        const facts = { ...(stream !== undefined && { stream }), ...wait }
        this.#logger?.warn(facts, 'the destination waits for a lock that another session has')
      },
    })
  }

  static async open(
    place: DestinationPlace,
    use: SessionWork = 'statements',
  ): Promise<DestinationSession> {
    const session = new DestinationSession(place, use)
    try {
      await session.#session.connect()
      await session.#session.results(settings)
      await session.#requireServer()
      return session
    } catch (thrown) {
      session.destroy()
      throw destinationError(thrown, place)
    }
  }

  /** One statement with parameters, on the pinned search path. */
  async rows<R extends QueryResultRow>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    try {
      const [rows] = await Promise.all([this.#session.rows<R>(sql, params), this.#begun])
      return rows
    } catch (thrown) {
      throw this.error(thrown)
    }
  }

  /**
   * The same for the last statements of a `transaction`, which go to the server together with its COMMIT; if
   * one fails, so does the transaction.
   */
  rowsAtCommit(sql: string, params: readonly unknown[]): void {
    this.#last.push([sql, params])
  }

  /**
   * Several statements in one round trip, without parameters, on the role's search path; in a savepoint of
   * that name.
   */
  async run(sql: string, savepoint?: string): Promise<void> {
    await this.runPinned(onRolePath(sql, savepoint))
  }

  /**
   * One statement without parameters that writes a table, as `run` does: its rows, and how many it changed.
   */
  async write<R extends QueryResultRow>(sql: string, savepoint?: string): Promise<Written<R>> {
    const results = await this.#results<R>(onRolePath(sql, savepoint))
    // Before the last one, which pins the path again.
    const written = results.at(-2)
    return { rows: written?.rows ?? [], changed: written?.rowCount ?? 0 }
  }

  /**
   * The rows of a query that holds expressions of users, as the server wrote them on the pinned search path.
   * A view keeps what they mean, and the functions in them see the role's path. Not inside of a transaction.
   */
  async rowsOfExpressions<R extends QueryResultRow>(select: string): Promise<R[]> {
    const view = '_reactor_expressions'
    const statements = [
      'BEGIN',
      `CREATE TEMP VIEW ${view} AS ${select}`,
      useRolePath,
      `SELECT * FROM pg_temp.${view}`,
      'ROLLBACK',
    ]
    try {
      const results = await this.#session.results<R>(statements.join('; '))
      return results.flatMap(({ rows }) => rows)
    } catch (thrown) {
      await this.rollback()
      throw this.error(thrown)
    }
  }

  /** Sets the place that the session's errors name from now on. */
  usePlace(place: DestinationPlace): void {
    this.#place = place
  }

  /** Sets the logger that reports from now on that the session waits for a lock. */
  useLogger(logger: Logger | undefined): void {
    this.#logger = logger
  }

  begin(): Promise<void> {
    return this.runPinned('BEGIN')
  }

  /** Triggers that were deferred run now. */
  async commit(): Promise<void> {
    const last = this.#last.splice(0).map(([sql, params]) => this.rows(sql, params))
    await Promise.all([...last, this.#commit()])
  }

  async #commit(): Promise<void> {
    const done = (await this.#results(`${useRolePath}; COMMIT`)).at(-1)?.command
    if (done !== 'COMMIT') throw this.#notCommitted(done)
  }

  /**
   * A server says so of a transaction that it has rolled back, without an error. What it would say next is
   * not trusted.
   */
  #notCommitted(said: string | undefined): ConnectError {
    this.destroy()
    const { host, port, database } = this.address
    const reason = `it answered COMMIT with ${said ?? 'nothing'}`
    return new ConnectError('destination_connection_lost', {
      details: { host, port, database, reason },
    })
  }

  rollbackTo(savepoint: string): Promise<void> {
    return this.runPinned(`ROLLBACK TO SAVEPOINT ${savepoint}`)
  }

  /**
   * Several statements in one round trip, without parameters, on the pinned search path: none that runs code
   * of users.
   */
  async runPinned(sql: string): Promise<void> {
    await this.#results(sql)
  }

  /** Sent only when the transaction has begun: it may write. */
  async #results<R extends QueryResultRow>(sql: string): Promise<QueryResult<R>[]> {
    try {
      if (this.#begun !== undefined) await this.#begun
      return await this.#session.results<R>(sql)
    } catch (thrown) {
      throw this.error(thrown)
    }
  }

  /**
   * All or nothing. The server ends it if this process is frozen: others wait for its locks. The work must
   * not wait for anything else.
   * @param readsFirst what it sends first are reads or locks: they go to the server together with the BEGIN
   * @param lockSeconds no lock is waited for longer
   */
  async transaction<T>(
    work: () => Promise<T>,
    { readsFirst = false, lockSeconds }: TransactionOptions = {},
  ): Promise<T> {
    const limit =
      lockSeconds === undefined ? '' : `; SET LOCAL lock_timeout = '${String(lockSeconds)}s'`
    const begun = this.runPinned(`${beginShort}${limit}`)
    if (readsFirst) this.#waitForBegin(begun)
    else await begun
    try {
      const result = await work()
      await this.commit()
      return result
    } catch (error) {
      await this.rollback()
      throw error
    }
  }

  /** Throws if the statements are not allowed, or fail; whatever they do is undone. */
  async tryOut(sql: string): Promise<void> {
    await this.runPinned(beginShort)
    try {
      await this.run(sql)
    } finally {
      await this.rollback()
    }
  }

  /** The first reads throw its error. */
  #waitForBegin(begun: Promise<void>): void {
    const done = begun.finally(() => {
      this.#begun = undefined
    })
    done.catch(() => undefined)
    this.#begun = done
  }

  /** Ends the transaction, if there is one. A session that is lost has none. */
  async rollback(): Promise<void> {
    this.#last = []
    if (this.isLost) return
    await this.#session.results('ROLLBACK').catch((error: unknown) => {
      if (error instanceof Error) this.#session.noteLost(error)
    })
  }

  /**
   * Starts a COPY … FROM STDIN after the statements that begin its transaction. One at a time; end or abort
   * it before the next query.
   */
  copyIn(begin: string, copy: string): CopyIn {
    this.#copy = new CopyIn(
      this.#session.client,
      `${begin}; ${useRolePath}; ${copy}; ${pinPathLocally}`,
    )
    return this.#copy
  }

  /** Returns the error that a query or a COPY threw, for the user. */
  error(thrown: unknown): ConnectError {
    const { lost } = this.#session
    const cause = lost !== undefined && !(thrown instanceof DatabaseError) ? lost : thrown
    return destinationError(cause, { ...this.#place, lockWait: this.#session.lockWait })
  }

  get address(): PostgresAddress {
    return this.#place.address
  }

  get isLost(): boolean {
    return this.#session.isLost
  }

  /** Ends the session at once; the server rolls back what is open. */
  destroy(): void {
    this.#session.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session.close()
  }

  /**
   * Throws if a pooler gives the process of this session to others between its transactions. Asks only behind
   * a pooler.
   */
  async requireOwnProcess(): Promise<void> {
    const serverProcess = async (): Promise<number | undefined> => {
      const results = await this.#results<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      return results[0]?.rows[0]?.pid
    }
    if (
      this.#isPooled &&
      (await sharesProcess({ serverProcess, config: clientConfig(this.address) }))
    )
      throw poolerInTransactionMode(this.address)
  }

  async #requireServer(): Promise<void> {
    const [server] = await this.#session.rows<{
      number: number
      version: string
      encoding: string
      pid: number
    }>(
      `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
              current_setting('server_encoding') AS encoding, pg_backend_pid() AS pid`,
    )
    if (server === undefined) return
    this.#session.noteServerProcess(server.pid)
    this.#isPooled = isBehindPooler(this.#session.client, server.pid)
    const { version, encoding } = server
    if (server.number < OLDEST_SERVER) {
      throw new ConnectError('destination_version_unsupported', { details: { version } })
    }
    if (encoding !== 'UTF8') {
      const { database } = this.#place.address
      throw new ConnectError('destination_encoding_unsupported', {
        details: { database, encoding },
      })
    }
  }
}

function onRolePath(sql: string, savepoint: string | undefined): string {
  const before = savepoint === undefined ? '' : `SAVEPOINT ${savepoint}; `
  return `${before}${useRolePath}; ${sql}\n; ${pinPathLocally}`
}

/** The longest time between two statements of the transaction. */
const beginShort = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'`

/**
 * Independent of the server's and the role's settings (`transaction_timeout` came with 17). A long load must
 * not meet a timeout that was meant for an application. But a lock that somebody took and forgot is not
 * waited for without an end, and a session whose process has given up or died leaves the queue for it within
 * 5 seconds. Temporary buffers are taken as they are used: a batch of a merge (merge/staging.ts) fits, so
 * that it is not written to a file. The server notices a machine that is gone within half a minute, not
 * within its standard of hours: until then it keeps the locks.
 */
const settings = `
  ${pinPath};
  SET client_encoding = 'UTF8';
  SET DateStyle = 'ISO, MDY';
  SET TimeZone = 'UTC';
  SET IntervalStyle = 'iso_8601';
  SET bytea_output = 'hex';
  SET extra_float_digits = 1;
  SET standard_conforming_strings = on;
  SET quote_all_identifiers = off;
  SET default_transaction_isolation = 'read committed';
  SET statement_timeout = 0;
  SET lock_timeout = '10min';
  SET temp_buffers = '32MB';
  SET idle_in_transaction_session_timeout = 0;
  SET idle_session_timeout = 0;
  SET tcp_keepalives_idle = 10;
  SET tcp_keepalives_interval = 5;
  SET tcp_keepalives_count = 4;
  SELECT set_config(name, CASE name WHEN 'client_connection_check_interval' THEN '5s' ELSE '0' END, false)
  FROM pg_settings
  WHERE name = 'transaction_timeout'
     OR (name = 'client_connection_check_interval' AND version() !~ 'Visual C|mingw')`
