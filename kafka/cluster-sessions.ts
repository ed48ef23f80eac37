import type Cluster from 'kafkajs/src/cluster/index.js'
import type { Logger } from 'pino'
import { IdleSessions, type IdleSession } from '../lib/async/idle-sessions.ts'
import { kafkaCluster } from './kafka-cluster.ts'
import type { KafkaServers } from './kafka-servers.ts'

/** The place, among kafkajs's connections to a broker, of that for fetches alone. */
const fetches = 1

type BrokerConnection = Cluster['brokerPool']['brokers'][number]['connectionPool']['pool'][number]

/** The sockets of one user to the brokers of a cluster. Exclusive: one user at a time. */
export class ClusterSession implements IdleSession {
  readonly cluster: Cluster
  readonly key: string
  readonly #lines: { logger: Logger }
  /** Those that were connected when the last user left. */
  #standing: readonly BrokerConnection[] = []

  private constructor(key: string, servers: KafkaServers, logger: Logger) {
    this.key = key
    this.#lines = { logger }
    this.cluster = kafkaCluster(servers, this.#lines)
  }

  /** Nothing is connected yet. */
  static open(servers: KafkaServers, logger: Logger): ClusterSession {
    return new ClusterSession(keyOf(servers, logger), servers, logger)
  }

  useLogger(logger: Logger): void {
    this.#lines.logger = logger
  }

  /** One of its sockets has closed since its last user left. */
  get isLost(): boolean {
    return this.#standing.some((connection) => !connection.isConnected())
  }

  /**
   * kafkajs would wait for the responses: half a second for a fetch at the end of a partition. It fetches
   * through connections of their own.
   */
  dropFetches(): void {
    for (const connection of this.#connections(fetches))
      connection.requestQueue.rejectAll(new Error('the connection was closed'))
  }

  /**
   * Whether a response may still come: of a request that nobody waits for any more, or that was dropped.
   * Asked before fetches are dropped, since kafkajs then forgets them.
   */
  get isWaiting(): boolean {
    return this.#connections().some(
      ({ requestQueue: { inflight, pending } }) => inflight.size > 0 || pending.length > 0,
    )
  }

  /**
   * Nothing of the user stays: not the topics that it asked for. The brokers' state (fences, transactions)
   * belongs to its ids, not to sockets.
   */
  leave(): void {
    this.cluster.targetTopics = new Set()
    this.#standing = this.#connections().filter((connection) => connection.isConnected())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.disconnect()
  }

  #connections(place?: number): readonly BrokerConnection[] {
    return Object.values(this.cluster.brokerPool.brokers).flatMap(({ connectionPool: { pool } }) =>
      place === undefined ? pool : pool.slice(place, place + 1),
    )
  }
}

/**
 * Sessions that are used one after the other. A new one costs each time two connections to a broker, a login,
 * and five requests before the first that does something; the ends of a stream's lane and what makes its
 * topic had six of them.
 */
export class ClusterSessions implements AsyncDisposable {
  readonly #idle = new IdleSessions<ClusterSession>()

  /** An idle session of the same servers and user, or a new one. */
  take(servers: KafkaServers, logger: Logger): ClusterSession {
    const idle = this.#idle.take(keyOf(servers, logger))
    if (idle === undefined) return ClusterSession.open(servers, logger)
    idle.useLogger(logger)
    return idle
  }

  /** Only after a use without a fault, if all of its requests have a response. */
  async giveBack(session: ClusterSession): Promise<void> {
    session.leave()
    await this.#idle.giveBack(session, session.key)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#idle[Symbol.asyncDispose]()
  }
}

/** The log level is in the key: kafkajs decides when a client is made whether it logs anything at all. */
function keyOf({ brokers, clientId, ssl, sasl }: KafkaServers, logger: Logger): string {
  return JSON.stringify([brokers, clientId, ssl, sasl ?? null, logger.isLevelEnabled('debug')])
}
