import type { Logger } from 'pino'
import type { PostgresAddress } from '../../../postgres/address.ts'
import { clientConfig } from '../../../postgres/client-config.ts'
import { useRolePath } from '../../../postgres/search-path.ts'
import { PostgresSession, type QueryResultRow } from '../../../postgres/session.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { sideError, type SidePlace } from './side-error.ts'

export interface TwoWayDatabase {
  readonly address: PostgresAddress
  readonly ca?: string | undefined
}

/**
 * A session of a side or of the links. Every text that it returns is the same on all servers, whatever their
 * settings are. It opens with the first statement, and again after it was lost.
 */
export class TwoWaySession implements AsyncDisposable {
  readonly #database: TwoWayDatabase
  readonly #logger: Logger
  readonly #place: SidePlace
  #open: Promise<PostgresSession> | undefined
  #isClosed = false

  constructor(database: TwoWayDatabase, logger: Logger) {
    this.#database = database
    this.#logger = logger
    const { host, port, database: name } = database.address
    this.#place = { host, port, database: name }
  }

  /** One statement on the pinned search path. */
  async rows<R extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<R[]> {
    try {
      const session = await this.#session()
      return await session.rows<R>(sql, parameters)
    } catch (thrown) {
      throw sideError(thrown, this.#place)
    }
  }

  /**
   * Statements in one transaction, which are sent without waiting for one another. It is on the role's own
   * search path: triggers of users run in it. Nothing of it is done if one fails; then this throws what the
   * server threw.
   */
  async transaction<R extends QueryResultRow>(
    statements: readonly (readonly [sql: string, parameters: readonly unknown[]])[],
  ): Promise<readonly R[][]> {
    const session = await this.#session()
    const begun = session.rows('BEGIN')
    const path = session.rows(useRolePath)
    const results = statements.map(([sql, parameters]) => session.rows<R>(sql, parameters))
    const settled = await Promise.allSettled([begun, path, ...results])
    const failed = settled.find((result) => result.status === 'rejected')
    if (failed !== undefined) {
      if (!session.isLost) await session.rows('ROLLBACK')
      throw failed.reason
    }
    await session.rows('COMMIT')
    return Promise.all(results)
  }

  error(thrown: unknown): ConnectError {
    return sideError(thrown, this.#place)
  }

  async #session(): Promise<PostgresSession> {
    if (this.#isClosed) throw new TypeError('the session of a side is closed')
    const current = await this.#open
    if (current !== undefined && !current.isLost) return current
    this.#open = this.#connect()
    try {
      return await this.#open
    } catch (thrown) {
      this.#open = undefined
      throw thrown
    }
  }

  async #connect(): Promise<PostgresSession> {
    const { address, ca } = this.#database
    const { host, port } = address
    const session = new PostgresSession({
      config: clientConfig(address, ca),
      prepares: true,
      pipelines: true,
      isCopyWaiting: () => false,
      lost: (reason) =>
        new ConnectError('two_way_side_unavailable', { details: { host, port, reason } }),
      onLockWait: (wait) => {
        this.#logger.warn(wait, 'a side waits for a lock that another session has')
      },
    })
    try {
      await session.connect()
      await session.results(settings)
      return session
    } catch (thrown) {
      session.destroy()
      throw sideError(thrown, this.#place)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const open = this.#open
    this.#open = undefined
    const session = await open?.catch(() => undefined)
    await session?.close()
  }
}

const settings = [
  'SET search_path = pg_catalog, pg_temp',
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO, YMD'",
  "SET IntervalStyle = 'iso_8601'",
  "SET bytea_output = 'hex'",
  'SET extra_float_digits = 1',
  "SET idle_in_transaction_session_timeout = '10min'",
].join('; ')
