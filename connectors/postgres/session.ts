import type { QueryResult, QueryResultRow } from 'pg'
import type { Logger } from 'pino'
import { clientConfig } from '../../postgres/client-config.ts'
import { quoteLiteral } from '../../postgres/quote.ts'
import { pinPathLocally, useRolePath } from '../../postgres/search-path.ts'
import { PostgresSession } from '../../postgres/session.ts'
import type { BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { PostgresConfig } from './config.ts'
import { CopyOut } from './copy-out.ts'
import { RowCheck } from './row-check.ts'
import { sourceError, type SourcePlace } from './errors.ts'
import { SocketReads } from './socket-reads.ts'

/** The query that a COPY reads. */
interface CopyQuery {
  readonly stream: string
  /** How many it selects. */
  readonly columns: number
  /** The types of the columns: the rows then come in binary. */
  readonly types?: readonly BinaryType[]
  /** The cursor column that it compares. */
  readonly cursor?: string
}

/** One database session in a read-only transaction. Every error that it throws is a ConnectError. */
export class SourceSession implements AsyncDisposable {
  readonly #session: PostgresSession
  readonly #place: SourcePlace
  #logger: Logger
  readonly #reads: SocketReads | undefined
  #hasUtf8 = false
  /** The statements that follow each BEGIN. */
  #timeouts = noTimeouts
  #copy: CopyOut | undefined

  private constructor(config: PostgresConfig, logger: Logger) {
    const { host, port, user, database } = config
    const reads = config.ssl === 'disable' ? new SocketReads() : undefined
    this.#place = { host, port, user, database }
    this.#logger = logger
    this.#reads = reads
    this.#session = new PostgresSession({
      config: clientConfig(config, config.ca),
      ...(reads !== undefined && { stream: () => reads.socket }),
      isCopyWaiting: () => this.#copy?.isWaiting === true,
      lost: (reason) =>
        new ConnectError('source_connection_lost', { details: { host, port, reason } }),
      onSilence: (finding) => {
        this.#logger.warn({ finding }, 'source session is silent')
      },
      onLockWait: (wait) => {
        this.#logger.warn(wait, 'the source waits for a lock that another session has')
      },
      // The next query reports it.
      onEnd: (error) => {
        this.#logger.debug({ reason: error.message }, 'source session ended')
      },
    })
  }

  /**
   * Connects and begins a REPEATABLE READ READ ONLY transaction. If `snapshot` is given, the transaction sees
   * the same data as the session that exported the snapshot.
   */
  static async open(
    config: PostgresConfig,
    { logger, snapshot }: { readonly logger: Logger; readonly snapshot?: string },
  ): Promise<SourceSession> {
    const session = new SourceSession(config, logger)
    const { stream } = session.#session.client.connection
    let first: string | undefined
    stream.once('data', (bytes: Buffer) => {
      first = String.fromCharCode(bytes[0] ?? 0)
      // The server may never send the rest that the driver would wait for.
      if (!firstLetters.includes(first)) stream.destroy()
    })
    try {
      await session.#session.connect()
      await session.#begin(snapshot)
      return session
    } catch (thrown) {
      session.destroy()
      const place = session.#place
      throw openingError(first, sourceError(thrown, place), place)
    }
  }

  /** Ends the transaction. Behind a pooler, the next one may be in another session of the server. */
  async leave(): Promise<void> {
    await this.results('ROLLBACK')
  }

  /** After `leave`: as `open` does. */
  async enter({ logger, snapshot }: Parameters<typeof SourceSession.open>[1]): Promise<void> {
    this.#logger = logger
    try {
      await this.#begin(snapshot)
    } catch (thrown) {
      this.destroy()
      throw sourceError(thrown, this.#place)
    }
  }

  get isLost(): boolean {
    return this.#session.isLost
  }

  async #begin(snapshot: string | undefined): Promise<void> {
    const results = await this.#session.results<{ pid?: number; encoding?: string; name?: string }>(
      `${beginAs(snapshot)}; SELECT pg_backend_pid() AS pid, current_setting('server_encoding') AS encoding; ${this.#timeouts}`,
    )
    const rows = results.flatMap((result) => result.rows)
    const { pid, encoding } = rows.find((row) => row.pid !== undefined) ?? {}
    const timeouts = rows.flatMap(({ name }) => name ?? [])
    // The server looks through all of its settings for them (0.7 ms): once for a session that is used again.
    if (timeouts.length > 0) this.#timeouts = timeouts.map(withoutTimeout).join('; ')
    if (pid !== undefined) this.#session.noteServerProcess(pid)
    this.#hasUtf8 = encoding !== 'SQL_ASCII'
  }

  /** Rows of a catalog query; never used for the records of a stream. */
  async rows<R extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
    place: Partial<SourcePlace> = {},
  ): Promise<R[]> {
    try {
      return await this.#session.rows<R>(sql, parameters)
    } catch (thrown) {
      throw sourceError(thrown, { ...this.#place, ...place })
    }
  }

  /**
   * Rows of a query over tables and views of users, whose functions see the role's own search path: see
   * search-path.ts.
   */
  async userRows<R extends QueryResultRow>(
    sql: string,
    place: Partial<SourcePlace> = {},
  ): Promise<R[]> {
    const results = await this.results<R>(`${useRolePath}; ${sql}; ${pinPathLocally}`, place)
    return results.at(-2)?.rows ?? []
  }

  /** The results of several statements in one round trip, without parameters, on the pinned search path. */
  async results<R extends QueryResultRow>(
    sql: string,
    place: Partial<SourcePlace> = {},
  ): Promise<QueryResult<R>[]> {
    try {
      return await this.#session.results<R>(sql)
    } catch (thrown) {
      throw sourceError(thrown, { ...this.#place, ...place })
    }
  }

  /**
   * Runs queries in a savepoint that is always rolled back: no failure, lock or setting of theirs reaches a
   * query that follows. One at a time.
   */
  async undone<T>(run: () => Promise<T>): Promise<T> {
    await this.rows('SAVEPOINT reactor_connect')
    try {
      return await run()
    } finally {
      await this.results('ROLLBACK TO SAVEPOINT reactor_connect; RELEASE SAVEPOINT reactor_connect')
    }
  }

  /** Ends the transaction, also a failed one, and begins another that sees the database as it is now. */
  async seePresent(): Promise<void> {
    await this.results('ROLLBACK')
    await this.results(beginAs(undefined))
    await this.results(this.#timeouts)
  }

  /** False if the server sends whatever bytes a client has stored. */
  get hasUtf8(): boolean {
    return this.#hasUtf8
  }

  /**
   * Starts `COPY (select) TO STDOUT`, on the role's search path (search-path.ts): binary if the types are
   * given. One at a time; read it to its end before the next query.
   */
  copy(select: string, { types, columns, ...rest }: CopyQuery): CopyOut {
    const place = { ...this.#place, ...rest }
    const { stream } = rest
    const format = types === undefined ? 'text' : 'binary'
    const check = types && new RowCheck(types)
    const sql = `COPY (${select}) TO STDOUT (FORMAT ${format})`
    const copy = new CopyOut(sql, {
      toError: (thrown) => sourceError(thrown, place),
      toDamage: (reason, counted) => this.damage(stream, reason, counted),
      reads: this.#reads,
      format,
      columns,
      problemOf: (chunk) => check?.problemOf(chunk),
    })
    this.#copy = this.#session.client.query(copy)
    return this.#copy
  }

  /** The error for rows that PostgreSQL does not send. `counted`: by the server, if another number came. */
  damage(stream: string, reason: string, counted?: string): ConnectError {
    const { host, port } = this.#place
    const details = { stream, host, port, reason, ...(counted !== undefined && { counted }) }
    return new ConnectError('source_rows_damaged', { details })
  }

  /**
   * Ends the session at once, whatever the server is doing; the server cancels a running COPY when it
   * notices.
   */
  destroy(): void {
    this.#session.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#session.close()
    } catch (thrown) {
      this.#logger.debug({ err: thrown }, 'source session was already gone')
    }
  }
}

/** A session that could not be opened: the first message of the server shows whether there is one. */
function openingError(
  first: string | undefined,
  error: ConnectError,
  place: SourcePlace,
): ConnectError {
  if (first !== undefined && !firstLetters.includes(first)) {
    return new ConnectError('source_not_postgres', { details: { ...place } })
  }
  if (first !== undefined || error.code !== 'source_connection_lost') return error
  const reason = 'it ended the connection before it sent anything'
  return new ConnectError('source_unreachable', { details: { ...place, reason } })
}

/**
 * First bytes of a server's response: authentication, error, notice, protocol version; or whether it accepts
 * TLS.
 */
const firstLetters = 'RENvS'

/**
 * The text form of every type on the wire (`RecordOutput.copyText`): independent of the server's and the
 * role's settings. All of it, and what follows, is of this transaction only: behind a pooler the server's
 * session is others' before and after.
 */
const settings = `
  ${pinPathLocally};
  SET LOCAL client_encoding = 'UTF8';
  SET LOCAL DateStyle = 'ISO, MDY';
  SET LOCAL TimeZone = 'UTC';
  SET LOCAL IntervalStyle = 'iso_8601';
  SET LOCAL bytea_output = 'hex';
  SET LOCAL extra_float_digits = 1;
  SET LOCAL xmloption = 'content'`

function beginAs(snapshot: string | undefined): string {
  const use = snapshot === undefined ? '' : `SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)};`
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${use} ${settings}`
}

/**
 * A long read must not meet a timeout that was meant for an application, and the server notices within 5
 * seconds that it was stopped, even while it sorts. Some of the settings exist in newer versions only, the
 * last one not on Windows.
 */
const noTimeouts = `
  SELECT name, set_config(name, CASE name WHEN 'client_connection_check_interval' THEN '5s' ELSE '0' END, true)
  FROM pg_settings
  WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                 'idle_session_timeout', 'transaction_timeout')
     OR (name = 'client_connection_check_interval' AND version() !~ 'Visual C|mingw')`

/** The same for one setting, as SQL. */
function withoutTimeout(name: string): string {
  return `SET LOCAL ${name} = ${name === 'client_connection_check_interval' ? `'5s'` : '0'}`
}
