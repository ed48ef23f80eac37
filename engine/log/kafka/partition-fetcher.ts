import type Cluster from 'kafkajs/src/cluster/index.js'
import type { FetchedMessage } from 'kafkajs/src/cluster/index.js'
import Batch from 'kafkajs/src/consumer/batch.js'
import type { Logger } from 'pino'
import { kafkaCluster, type KafkaServers } from './kafka-client.ts'
import { hasType, isPassing, kafkaError } from './kafka-errors.ts'

export type KafkaMessage = FetchedMessage

export interface PartitionFetcherOptions {
  readonly servers: KafkaServers
  readonly topic: string
  readonly partition: number
  readonly logger: Logger
}

/** What the broker sends at once; a larger batch comes alone. */
const maxFetchBytes = 1024 * 1024
/** The broker answers an empty fetch after this time. */
const maxWaitMs = 500
/** A broker that restarts, or a leader that moves, is waited for this long. */
const patienceMs = 60_000
const pauseMs = { first: 50, last: 2_000 } as const

/**
 * Reads one partition, read_committed, from any offset, with no consumer group: no join (3 seconds for a new group by the
 * broker's default), no rebalance, no heartbeat, and back-pressure by not fetching. docs/adr/0006-kafka-partition-fetch.md.
 */
export class PartitionFetcher implements AsyncDisposable {
  readonly #options: PartitionFetcherOptions
  readonly #cluster: Cluster
  readonly #stop = new AbortController()

  private constructor(options: PartitionFetcherOptions) {
    this.#options = options
    this.#cluster = kafkaCluster(options.servers, {
      logger: options.logger,
      isolation: 'committed',
    })
  }

  static async open(options: PartitionFetcherOptions): Promise<PartitionFetcher> {
    const fetcher = new PartitionFetcher(options)
    try {
      await fetcher.#connect()
      return fetcher
    } catch (error) {
      await fetcher[Symbol.asyncDispose]()
      throw fetcher.#error(error)
    }
  }

  /** The first offset that is kept, the end, and the end of what is committed (no open transaction before it). */
  async bounds(): Promise<{
    readonly low: bigint
    readonly stable: bigint
    readonly high: bigint
  }> {
    return this.#patiently(async () => {
      const low = await this.#offset({ fromBeginning: true })
      const stable = await this.#offset({ fromBeginning: false })
      // A fetch from the end of what is committed returns at once and tells the high watermark.
      const { highWatermark } = await this.#fetch(stable, 0)
      return { low, stable, high: BigInt(highWatermark) }
    })
  }

  /**
   * Committed messages from `offset` on, in order (none after half a second without any), and the offset to go on from, which
   * passes over what is not for readers (markers, aborted transactions). `lost` where the log does not hold `offset`.
   */
  async fetch(
    offset: bigint,
  ): Promise<{ readonly messages: readonly KafkaMessage[]; readonly next: bigint } | 'lost'> {
    return this.#patiently(async () => {
      try {
        const fetched = await this.#fetch(offset, maxWaitMs)
        const batch = new Batch(this.#options.topic, offset.toString(), fetched)
        if (!batch.isEmptyIncludingFiltered()) {
          return { messages: batch.messages, next: BigInt(batch.lastOffset()) + 1n }
        }
        // A batch that holds this offset, but whose last messages were compacted away.
        const passed = batch.rawMessages.length > 0
        return { messages: [], next: passed ? offset + 1n : offset }
      } catch (error) {
        if (hasType(error, 'OFFSET_OUT_OF_RANGE')) return 'lost'
        throw error
      }
    })
  }

  /** Sets the offset of a group that has no members: for lag monitors. */
  async commitOffset(groupId: string, offset: string): Promise<void> {
    const { topic, partition } = this.#options
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId })
    await coordinator.offsetCommit({
      groupId,
      groupGenerationId: -1,
      memberId: '',
      topics: [{ topic, partitions: [{ partition, offset }] }],
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#cluster.disconnect()
  }

  async #connect(): Promise<void> {
    await this.#cluster.connect()
    await this.#cluster.addTargetTopic(this.#options.topic)
  }

  async #offset(from: { readonly fromBeginning: boolean }): Promise<bigint> {
    const { topic, partition } = this.#options
    const [answer] = await this.#cluster.fetchTopicsOffset([
      { topic, partitions: [{ partition }], ...from },
    ])
    return BigInt(answer?.partitions[0]?.offset ?? '0')
  }

  async #fetch(offset: bigint, waitMs: number): Promise<ConstructorParameters<typeof Batch>[2]> {
    const { topic, partition } = this.#options
    const leader = this.#cluster
      .findTopicPartitionMetadata(topic)
      .find(({ partitionId }) => partitionId === partition)?.leader
    const broker = await this.#cluster.findBroker({ nodeId: leader ?? -1 })
    const { responses } = await broker.fetch({
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: maxFetchBytes,
      isolationLevel: 1,
      topics: [
        {
          topic,
          partitions: [{ partition, fetchOffset: offset.toString(), maxBytes: maxFetchBytes }],
        },
      ],
    })
    const fetched = responses[0]?.partitions[0]
    if (fetched === undefined) throw new TypeError('the broker answered a fetch with no partition')
    return fetched
  }

  /** Tries again while the broker restarts or a leader moves. A topic that stays unknown is gone. */
  async #patiently<T>(action: () => Promise<T>): Promise<T> {
    const started = performance.now()
    for (let pause: number = pauseMs.first; ; pause = Math.min(pause * 2, pauseMs.last)) {
      try {
        return await action()
      } catch (error) {
        const patience = hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION') ? patienceMs / 20 : patienceMs
        if (
          this.#stop.signal.aborted ||
          !isPassing(error) ||
          performance.now() - started > patience
        ) {
          throw this.#error(error)
        }
        this.#options.logger.debug({ err: error, pause }, 'fetch failed, trying again')
        await this.#pause(pause)
        await this.#refresh()
      }
    }
  }

  async #refresh(): Promise<void> {
    try {
      await this.#cluster.connect()
      await this.#cluster.refreshMetadata()
    } catch (error) {
      // The next attempt of the action meets the same fault, and decides.
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

  #error(error: unknown): Error {
    const { servers, topic, partition } = this.#options
    return kafkaError(error, {
      servers,
      doing: 'reading',
      target: `topic ${topic}, partition ${partition}`,
      topic,
    })
  }
}
