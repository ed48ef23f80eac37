import { Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg'
import type { Duplex } from 'node:stream'
import { endForResponse, guardResponses } from './guard-responses.ts'
import { hasState } from './sqlstate.ts'
import { StatementNames } from './statement-names.ts'
import { watchSession, type LockWait, type WatchedSession } from './watch.ts'

export type { QueryResultRow }

export interface SessionOptions
  extends Partial<Pick<WatchedSession, 'onSilence'>>, Pick<WatchedSession, 'onLockWait'> {
  /** How to connect, also to query the server about this session. */
  readonly config: ClientConfig
  /** The socket of this session, if it is a special one. */
  readonly stream?: () => Duplex
  /**
   * Whether statements that come again are prepared. A pooler in transaction mode would send the next one to
   * a process that does not know it.
   */
  readonly prepares?: boolean
  /**
   * Whether statements that are sent in one turn of the event loop go to the server in one packet, without
   * waiting for the response to the first. If one fails in a transaction, so do those after it. A session
   * that does so has no COPY.
   */
  readonly pipelines?: boolean
  /** Whether a COPY waits for the server: it is not a query. */
  readonly isCopyWaiting: () => boolean
  /** The error for waiting calls once the session was ended, because the server would never respond. */
  readonly lost: (reason: string) => Error
  /** The session ended between two queries. */
  readonly onEnd?: (error: Error) => void
}

/**
 * One session with a PostgreSQL server. A source's and a destination's are built on it: they add their
 * settings, their transactions and their errors. Everything here throws what the driver or the server threw.
 */
export class PostgresSession {
  /** For a COPY, which the driver takes as an object of its own. */
  readonly client: Client
  readonly #options: SessionOptions
  readonly #names = new StatementNames()
  #openQueries = 0
  #serverProcess: number | undefined
  #lost: Error | undefined
  /** The error of the last statement; undefined if it succeeded. */
  #failure: unknown
  #lockWait: LockWait | undefined

  constructor(options: SessionOptions) {
    const { config, stream, pipelines = false } = options
    this.#options = options
    const special = {
      ...(stream !== undefined && { stream }),
      ...(pipelines && { pipeline: true }),
    }
    this.client = new Client({ ...config, ...special })
    guardResponses(this.client, options.lost)
    this.client.on('error', (thrown) => {
      const error = this.#nameWrong(thrown)
      this.noteLost(error)
      options.onEnd?.(error)
    })
  }

  /**
   * From here on, the session is ended if the server will never respond to it again (watch.ts). If this
   * throws, `destroy` it.
   */
  async connect(): Promise<void> {
    await this.client.connect()
    const { config, lost, onSilence = () => undefined, onLockWait, isCopyWaiting } = this.#options
    watchSession({
      config,
      pid: () => this.#serverProcess,
      socket: this.client.connection.stream,
      isWaiting: () => this.#openQueries > 0 || isCopyWaiting(),
      lost,
      onSilence,
      onLockWait: (wait) => {
        this.#lockWait = wait
        onLockWait(wait)
      },
    })
  }

  /** The lock that the last statement was seen to wait for; undefined if it succeeded, or was not watched. */
  get lockWait(): LockWait | undefined {
    return this.#lockWait
  }

  /**
   * The number of its process, as the server itself says it: behind a pooler, the driver knows another one.
   */
  noteServerProcess(pid: number): void {
    this.#serverProcess = pid
  }

  /** The rows of one statement. */
  async rows<R extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<R[]> {
    const isPrepared = this.#options.prepares === true && parameters.length > 0
    const name = isPrepared ? this.#names.nameOf(sql) : undefined
    const query = { text: sql, values: [...parameters], ...(name !== undefined && { name }) }
    const { rows } = await this.#counted(() => this.client.query<R>(query))
    return rows
  }

  /** The results of several statements in one round trip, without parameters. */
  async results<R extends QueryResultRow>(sql: string): Promise<QueryResult<R>[]> {
    return resultsOf(await this.#counted(() => this.client.query<R>(sql)))
  }

  /** Why the session ended, if no call was in progress then. */
  get lost(): Error | undefined {
    return this.#lost
  }

  noteLost(error: Error): void {
    this.#lost ??= error
  }

  get isLost(): boolean {
    return this.#lost !== undefined || this.client.connection.stream.destroyed
  }

  /**
   * Ends the session at once, whatever the server is doing; the server rolls back what is open when it
   * notices.
   */
  destroy(): void {
    this.client.connection.stream.destroy()
  }

  async close(): Promise<void> {
    if (this.isLost) this.destroy()
    else {
      const end = (): Promise<void> => this.client.end()
      await withFarewell(end, () => {
        this.destroy()
      })
    }
  }

  async #counted<T>(query: () => Promise<T>): Promise<T> {
    this.#openQueries += 1
    if (this.#options.pipelines === true) this.#gather()
    try {
      const result = await query()
      this.#failure = undefined
      this.#lockWait = undefined
      return result
    } catch (thrown) {
      // Those that were sent together with one that failed only say that the transaction has failed:
      // whichever is heard first has the reason.
      if (!hasState(thrown, ['transactionFailed'])) this.#failure = this.#nameWrong(thrown)
      throw this.#failure ?? thrown
    } finally {
      this.#openQueries -= 1
    }
  }

  /** The driver complains of a message out of turn, or of a value that is not what its type says. */
  #nameWrong<E>(thrown: E): E | Error {
    const isWrong =
      thrown instanceof SyntaxError ||
      (thrown instanceof Error && thrown.message.startsWith('Received unexpected '))
    if (!isWrong) return thrown
    // A SyntaxError quotes the value.
    const what = thrown instanceof SyntaxError ? 'a value that is not JSON' : thrown.message
    return endForResponse(this.client.connection.stream, this.#options.lost, what)
  }

  /**
   * A write to the socket takes 0.1 ms, and so does each wake-up of the server: more than most statements of
   * the bookkeeping (2026-11).
   */
  #gather(): void {
    const { stream } = this.client.connection
    if (stream.writableCorked > 0) return
    stream.cork()
    process.nextTick(() => {
      stream.uncork()
    })
  }
}

/**
 * An unreachable server does not respond to the goodbye of a session: after this time its socket is
 * destroyed.
 */
const farewellMs = 2_000

export async function withFarewell(
  end: () => Promise<unknown>,
  destroy: () => void,
): Promise<void> {
  const timer = setTimeout(destroy, farewellMs)
  try {
    await end()
  } finally {
    clearTimeout(timer)
  }
}

/** The driver returns a list for several statements, although its types do not say so. */
export function resultsOf<R extends QueryResultRow>(
  result: QueryResult<R> | QueryResult<R>[],
): QueryResult<R>[] {
  return Array.isArray(result) ? result : [result]
}
