import type { Logger } from 'pino'
import pg from 'pg'
import { everySession } from '../../../postgres/client-config.ts'
import { pinPath } from '../../../postgres/search-path.ts'
import { resultsOf, withFarewell } from '../../../postgres/session.ts'
import { meaningOf, type StateMeaning } from '../../../postgres/sqlstate.ts'
import { ConnectError, networkFailure } from '../../../protocol/index.ts'
import { readTime } from './read-time.ts'

export type Row = Record<string, unknown>

export interface DatabaseOptions {
  readonly url: string
  readonly sessions: number
  /** How long to wait for a session if all are in use. Default 5 s. */
  readonly waitMs?: number
  readonly logger: Logger
}

/** Sessions with the metadata PostgreSQL. Every failure to reach it is `store_unavailable`. */
export class Database implements AsyncDisposable {
  readonly #pool: pg.Pool
  /** Sessions that the server has not closed yet. */
  readonly #sessions = new Set<pg.PoolClient>()

  constructor({ url, sessions, waitMs, logger }: DatabaseOptions) {
    this.#pool = new pg.Pool({
      ...sessionOptions(url),
      max: sessions,
      // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the pool waits for it, which its types do not say
      onConnect: pinSearchPath,
      statement_timeout: 30_000,
      ...(waitMs !== undefined && { connectionTimeoutMillis: waitMs }),
    })
    this.#pool.on('connect', (client) => {
      this.#sessions.add(client)
      client.once('end', () => this.#sessions.delete(client))
    })
    // The server ended an idle session: the next statement opens another one.
    this.#pool.on('error', (error) => {
      logger.warn({ reason: error.message }, 'a session with the metadata database was lost')
    })
  }

  async query<Result extends Row>(sql: string, values: readonly unknown[] = []): Promise<Result[]> {
    try {
      return rowsOf(await this.#pool.query<Result>(sql, values.map(bindable)))
    } catch (error) {
      throw translateError(error)
    }
  }

  /** All or nothing: commits when `work` resolves. */
  async transaction<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.session(async (session) => {
      await session.query('BEGIN')
      const result = await work(session)
      await session.query('COMMIT')
      return result
    })
  }

  /**
   * One session for `work` alone. If something failed, it is closed, not reused: that rolls back and releases
   * its locks.
   */
  async session<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw translateError(error)
    })
    // The session was lost while no statement ran; the next statement fails.
    let lost: Error | undefined
    const noteLost = (error: Error): void => {
      lost = error
    }
    client.on('error', noteLost)
    try {
      const result = await work(sessionOf(client))
      client.release(lost)
      return result
    } catch (error) {
      client.release(true)
      throw error
    } finally {
      client.removeListener('error', noteLost)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
    await this.#waitUntilClosed()
  }

  /**
   * The pool only sends the goodbyes: a server that is shut down before it has read them reports each session
   * as lost.
   */
  async #waitUntilClosed(): Promise<void> {
    const ends = [...this.#sessions].map(
      (client) =>
        new Promise<void>((resolve) => {
          client.once('end', resolve)
        }),
    )
    await withFarewell(
      () => Promise.all(ends),
      () => {
        for (const client of this.#sessions) client.connection.stream.destroy()
      },
    )
  }
}

export interface Session {
  /** If there are several statements (which accept no values), the rows of all. */
  query<Result extends Row>(sql: string, values?: readonly unknown[]): Promise<Result[]>
}

export function sessionOf(client: pg.ClientBase): Session {
  return {
    query: async <Result extends Row>(sql: string, values: readonly unknown[] = []) => {
      try {
        return rowsOf(await client.query<Result>(sql, values.map(bindable)))
      } catch (error) {
        throw translateError(error)
      }
    },
  }
}

function rowsOf<Result extends Row>(
  result: pg.QueryResult<Result> | pg.QueryResult<Result>[],
): Result[] {
  return resultsOf(result).flatMap(({ rows }) => rows)
}

/**
 * PostgreSQL text has no NUL, and UTF-8 no half of a surrogate pair: both become U+FFFD, as the driver does
 * for the latter. So a lookup at worst finds nothing. JSON text does not change: both are escaped there.
 */
function bindable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\uFFFD')
  return Array.isArray(value) ? value.map(bindable) : value
}

/**
 * The first statement of every session: another user of the database may have put objects into the role's own
 * search path.
 */
export async function pinSearchPath(client: pg.ClientBase): Promise<void> {
  await client.query(pinPath)
}

/** A time is ISO 8601 in every row; everything else is read as the driver does. */
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, readTime)

export function sessionOptions(url: string): pg.ClientConfig {
  return { ...everySession, connectionString: url, connectionTimeoutMillis: 5_000, types }
}

/** The name of the constraint that rejected a row. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined
  return meaningOf(error.code ?? '') === 'constraint_violated' ? error.constraint : undefined
}

/** Errors of a server that cannot serve now. */
const unavailable: ReadonlySet<StateMeaning | undefined> = new Set<StateMeaning>([
  'connection_lost',
  'credentials_refused',
  'database_missing',
  'disk_full',
  'lock_timeout',
  'operator_intervention',
  'query_cancelled',
  'read_only',
  'server_busy',
  'server_not_ready',
])

export function translateError(error: unknown): unknown {
  if (error instanceof ConnectError) return error
  if (!(error instanceof pg.DatabaseError)) return unreachable(error, networkFailure(error)?.reason)
  const { message, code = '' } = error
  const meaning = meaningOf(code)
  if (meaning === 'permission_denied')
    return new ConnectError('store_permission_denied', {
      details: { reason: message },
      cause: error,
    })
  const refused = unavailable.has(meaning) ? `${message} (${code})` : undefined
  return unreachable(error, refused ?? networkFailure(error)?.reason)
}

function unreachable(error: unknown, reason: string | undefined): unknown {
  if (reason === undefined) return error
  return new ConnectError('store_unavailable', { details: { reason }, cause: error })
}
