import { DatabaseError, type QueryResultRow } from 'pg'
import type { Logger } from 'pino'
import { clientConfig } from '../../../postgres/client-config.ts'
import { pinPath } from '../../../postgres/search-path.ts'
import { PostgresSession } from '../../../postgres/session.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import { replicationError } from './replication-errors.ts'

/** A session outside of a transaction, for slots and publications. Every error is a ConnectError. */
export class ServerSession implements AsyncDisposable {
  readonly #session: PostgresSession
  readonly #config: PostgresConfig

  private constructor(config: PostgresConfig, logger: Logger) {
    const { host, port } = config
    this.#config = config
    this.#session = new PostgresSession({
      config: clientConfig(config, config.ca),
      isCopyWaiting: () => false,
      lost: (reason) =>
        new ConnectError('source_connection_lost', { details: { host, port, reason } }),
      onLockWait: (wait) => {
        logger.warn(wait, 'the source waits for a lock that another session has')
      },
    })
  }

  static async open(config: PostgresConfig, logger: Logger): Promise<ServerSession> {
    const session = new ServerSession(config, logger)
    try {
      await session.#session.connect()
      await session.#session.results(`${pinPath}; SET statement_timeout = 0; SET lock_timeout = 0`)
      return session
    } catch (thrown) {
      session.#session.destroy()
      throw replicationError(thrown, config)
    }
  }

  async rows<R extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<R[]> {
    try {
      return await this.#session.rows<R>(sql, parameters)
    } catch (thrown) {
      throw replicationError(thrown, this.#config)
    }
  }

  /** Runs a statement that the server may refuse: returns its reason then. */
  async attempt(sql: string): Promise<DatabaseError | undefined> {
    try {
      await this.#session.results(sql)
      return undefined
    } catch (thrown) {
      if (thrown instanceof DatabaseError) return thrown
      throw replicationError(thrown, this.#config)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close().catch(() => {
      this.#session.destroy()
    })
  }
}
