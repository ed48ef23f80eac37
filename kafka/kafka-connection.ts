import type Cluster from 'kafkajs/src/cluster/index.js'
import type { BrokerRequest, ClusterBroker } from 'kafkajs/src/cluster/index.js'
import type { Logger } from 'pino'
import { ClusterSession, type ClusterSessions } from './cluster-sessions.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { closedBroker, hasName, hasType, isBrokersWord, isPassing } from './kafka-errors.ts'
import { idsApi, topicIdRequest } from './topic-id-request.ts'
import { isTopicRefused, nameRefusals, topicFor } from './name-refusals.ts'

export interface KafkaConnectionOptions {
  readonly servers: KafkaServers
  readonly topics: readonly string[]
  /** How long to wait for a broker that restarts, or a leader that moves. */
  readonly patienceMs: number
  /** How long after the opening a topic may be unknown because it is new: topics are made right before. */
  readonly newTopicMs?: number
  /**
   * Where its sockets come from, and where they go afterwards. Absent: they are opened and closed with it.
   */
  readonly sessions?: ClusterSessions | undefined
  readonly logger: Logger
}

/**
 * The first pause is short: after a commit the next transaction is refused for a few milliseconds, until the
 * markers are written.
 */
const pauseMs = { first: 5, last: 2_000 } as const
/** A topic that stays unknown for this share of that time is gone. */
const unknownTopicShare = 1 / 20
const defaultNewTopicMs = 10_000
/** Timestamps and isolation levels, as the protocol has them. */
const latest = -1
const readUncommitted = 0
const coordinatorTypes = { group: 0, transaction: 1 } as const

/**
 * The connections of one end of a lane to the brokers: requests to leaders and coordinators, repeated if the
 * error may be temporary.
 */
export class KafkaConnection implements AsyncDisposable {
  readonly #options: KafkaConnectionOptions
  readonly #session: ClusterSession
  readonly #cluster: Cluster
  /** By kind and id, since the last failure. */
  readonly #coordinators = new Map<string, number>()
  /** Actions that have not ended. */
  #running = 0
  /** A request got no response. */
  #isBroken = false
  readonly #stop = new AbortController()
  readonly #openedAtMs = performance.now()

  private constructor(options: KafkaConnectionOptions) {
    this.#options = options
    const { servers, sessions, logger } = options
    this.#session = sessions?.take(servers, logger) ?? ClusterSession.open(servers, logger)
    this.#cluster = this.#session.cluster
  }

  static async open(options: KafkaConnectionOptions): Promise<KafkaConnection> {
    const connection = new KafkaConnection(options)
    try {
      await connection.runWithRetries(async () => {
        await connection.#cluster.connect()
        await connection.#target(options.topics)
      })
      return connection
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A request to the leader of a partition. */
  async request<Decoded, Answer>(
    place: { readonly topic: string; readonly partition: number },
    request: BrokerRequest<Decoded, Answer>,
  ): Promise<Answer> {
    const broker = await this.#leader(place)
    return broker.connectionPool.send(request)
  }

  /** The broker that creates topics and returns their settings. */
  async controller(): Promise<ClusterBroker> {
    return this.#cluster.findControllerBroker()
  }

  /**
   * How many a topic had when the brokers were asked last: one of those that the connection was opened for.
   */
  partitionsOf(topic: string): number {
    return this.#cluster.findTopicPartitionMetadata(topic).length
  }

  /** The broker that stores a consumer group's offsets or a producer's transactions. */
  async coordinator(kind: 'group' | 'transaction', id: string): Promise<ClusterBroker> {
    const key = `${kind} ${id}`
    const known = this.#coordinators.get(key)
    if (known !== undefined) return this.#cluster.findBroker({ nodeId: known })
    const request = { groupId: id, coordinatorType: coordinatorTypes[kind] }
    try {
      const broker = await this.#cluster.findGroupCoordinator(request)
      this.#coordinators.set(key, broker.nodeId)
      return broker
    } catch (error) {
      // kafkajs asks every broker, and forgets what they said: that the user has no right to know, for
      // instance.
      if (!hasName(error, 'KafkaJSGroupCoordinatorNotFound')) throw error
      const [nodeId = -1] = this.#cluster.getNodeIds()
      const broker = await this.#cluster.findBroker({ nodeId })
      await broker.findGroupCoordinator(request)
      throw error
    }
  }

  /**
   * The id of a topic: another topic of its name has another one. Undefined if the brokers do not report
   * topic ids (Kafka before 2.8, and some that are not Kafka). The topic has to be one of those that the
   * connection was opened for.
   */
  async topicId(topic: string): Promise<string | undefined> {
    const [first] = this.#cluster.findTopicPartitionMetadata(topic)
    const broker = await this.#cluster.findBroker({ nodeId: first?.leader ?? -1 })
    const { maxVersion = 0 } = broker.versions?.[idsApi.apiKey] ?? {}
    if (maxVersion < idsApi.apiVersion) return undefined
    return broker.connectionPool.send(topicIdRequest(topic))
  }

  /** The first offset in the log, and the end of what is committed (no open transaction before it). */
  async bounds(
    topic: string,
    partition: number,
  ): Promise<{ readonly low: bigint; readonly stable: bigint }> {
    const [[low = 0n], [stable = 0n]] = await Promise.all([
      this.#offsets({ topic, partitions: [partition], fromBeginning: true }),
      this.#offsets({ topic, partitions: [partition], fromBeginning: false }),
    ])
    return { low, stable }
  }

  /** The end of the log, with what is not committed. */
  async highWatermark(topic: string, partition: number): Promise<bigint> {
    const broker = await this.#leader({ topic, partition })
    const partitions = [{ partition, timestamp: latest }]
    const { responses } = await broker.listOffsets({
      isolationLevel: readUncommitted,
      topics: [{ topic, partitions }],
    })
    return BigInt(responses[0]?.partitions[0]?.offset ?? '0')
  }

  /**
   * Waits until each partition of the topic has a leader that knows it: the brokers learn of a new one at
   * different times.
   */
  async untilServed(topic: string, partitions: number): Promise<void> {
    await this.runWithRetries(async () => {
      const known = this.partitionsOf(topic)
      if (known < partitions) {
        const message = `Topic ${topic} has ${String(known)} of its ${String(partitions)} partitions`
        throw Object.assign(new Error(message), { type: 'LEADER_NOT_AVAILABLE' })
      }
      const all = Array.from({ length: partitions }, (_, partition) => partition)
      await this.#offsets({ topic, partitions: all, fromBeginning: true })
    })
  }

  /** Tries again while the broker restarts or a leader moves. */
  async runWithRetries<T>(action: () => Promise<T>): Promise<T> {
    this.#running += 1
    try {
      return await this.#runWithRetries(action)
    } finally {
      this.#running -= 1
    }
  }

  /** One try. Requests are sent in here, or with retries. */
  async runOnce<T>(action: () => Promise<T>): Promise<T> {
    // Others may have the sockets.
    this.#stop.signal.throwIfAborted()
    this.#running += 1
    try {
      return await action()
    } catch (error) {
      this.#isBroken ||= !isBrokersWord(error)
      if (!hasType(error, 'CONCURRENT_TRANSACTIONS')) this.#coordinators.clear()
      throw error
    } finally {
      this.#running -= 1
    }
  }

  /**
   * Sockets are used again if nothing was wrong with them, and no response may come that is not for the next
   * user.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#stop.abort(new Error('the connection was closed'))
    const { sessions } = this.#options
    const isClean = !this.#isBroken && this.#running === 0 && !this.#session.isWaiting
    this.#session.dropFetches()
    await (isClean && sessions !== undefined
      ? sessions.giveBack(this.#session)
      : this.#session[Symbol.asyncDispose]())
  }

  async #runWithRetries<T>(action: () => Promise<T>): Promise<T> {
    const started = performance.now()
    for (let pause: number = pauseMs.first; ; pause = Math.min(pause * 2, pauseMs.last)) {
      try {
        return await this.runOnce(action)
      } catch (error) {
        if (!this.#mayPass(error, performance.now() - started)) throw error
        this.#options.logger.debug({ err: error, pause }, 'request failed, trying again')
        await this.#pause(pause)
        if (!hasType(error, 'CONCURRENT_TRANSACTIONS')) await this.#refresh(error)
      }
    }
  }

  async #leader(place: {
    readonly topic: string
    readonly partition: number
  }): Promise<ClusterBroker> {
    const leader = this.#cluster
      .findTopicPartitionMetadata(place.topic)
      .find(({ partitionId }) => partitionId === place.partition)?.leader
    return this.#cluster.findBroker({ nodeId: leader ?? -1 })
  }

  async #offsets(request: {
    readonly topic: string
    readonly partitions: readonly number[]
    readonly fromBeginning: boolean
  }): Promise<readonly bigint[]> {
    const { topic, partitions, fromBeginning } = request
    const [answer] = await this.#cluster.fetchTopicsOffset([
      { topic, partitions: partitions.map((partition) => ({ partition })), fromBeginning },
    ])
    return (answer?.partitions ?? []).map(({ offset }) => BigInt(offset))
  }

  /** All at once. The error of several does not say which of them is refused: then one at a time. */
  async #target(topics: readonly string[]): Promise<void> {
    const cluster = this.#cluster
    try {
      await cluster.addMultipleTargetTopics(topics)
    } catch (error) {
      if (!isTopicRefused(error)) throw error
      for (const topic of topics)
        await nameRefusals([topicFor('Describe', topic)], () =>
          cluster.addMultipleTargetTopics([topic]),
        )
    }
  }

  #mayPass(error: unknown, elapsedMs: number): boolean {
    if (this.#stop.signal.aborted || !isPassing(error)) return false
    const isGone =
      hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION') &&
      performance.now() - this.#openedAtMs > (this.#options.newTopicMs ?? defaultNewTopicMs)
    const share = isGone ? unknownTopicShare : 1
    return elapsedMs <= this.#options.patienceMs * share
  }

  async #refresh(fault: unknown): Promise<void> {
    const closed = closedBroker(fault)
    try {
      if (closed !== undefined) this.#cluster.removeBroker(closed)
      await this.#cluster.connect()
      // Without topics, these would be of all that the brokers have: while it is opened, the next attempt
      // asks for its own.
      const { targetTopics } = this.#cluster
      if (targetTopics.size > 0 || this.#options.topics.length === 0)
        await this.#cluster.refreshMetadata()
    } catch (error) {
      // The next attempt of the action meets the same error, and decides.
      this.#options.logger.debug({ err: error }, 'metadata not refreshed')
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const done = (): void => {
      resolve(undefined)
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', done)
  }
}
