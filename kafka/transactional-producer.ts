import type { ClusterBroker } from 'kafkajs/src/cluster/index.js'
import type { Logger } from 'pino'
import type { ClusterSessions } from './cluster-sessions.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { KafkaConnection } from './kafka-connection.ts'
import { hasType, isFencedProducer } from './kafka-errors.ts'
import type { RequestedResource } from './named-refusal.ts'
import { PartitionFetcher } from './partition-fetcher.ts'
import { produceRequest } from './produce-request.ts'
import {
  anonymous,
  encodeBatch,
  type BatchProducer,
  type EncodedMessages,
  type RecordBatch,
} from './record-batch/record-batch.ts'
import { nameRefusals, topicFor } from './name-refusals.ts'

/**
 * A transaction that a dead writer left open hides what follows it from read_committed consumers until this
 * time is over or its transactional id is opened again. The broker's own bound (transaction.max.timeout.ms)
 * is 15 minutes by default.
 */
export const transactionTimeoutMs = 5 * 60_000
/** Where the broker allows less. */
const shortTimeoutMs = 60_000
const defaultTimeoutsMs = [transactionTimeoutMs, shortTimeoutMs]
/** A restarting broker is waited for. */
const patienceMs = 20_000

export interface TransactionalProducerOptions {
  readonly servers: KafkaServers
  /** All that it will write to. */
  readonly topics: readonly string[]
  readonly transactionalId: string
  /**
   * How long a transaction may be open: the first that the broker allows. Default: five minutes, one minute.
   */
  readonly timeoutsMs?: readonly number[]
  /** See `KafkaConnection`. */
  readonly sessions?: ClusterSessions | undefined
  readonly logger: Logger
}

interface Place {
  readonly topic: string
  readonly partition: number
}

/** Messages for one partition. */
export interface PartitionMessages extends EncodedMessages, Place {}

type WrittenBy = Pick<RecordBatch, 'producerId' | 'producerEpoch' | 'transactional'>

interface Identity {
  readonly producerId: string
  readonly producerEpoch: number
}

/**
 * The one producer of a transactional id, and its transaction. One call at a time. Throws what the brokers
 * say: the caller knows what it was doing.
 */
export class TransactionalProducer implements AsyncDisposable {
  /** The broker aborts a transaction that is open for longer. */
  readonly timeoutMs: number
  readonly #options: TransactionalProducerOptions
  readonly #transactionalId: string
  readonly #connection: KafkaConnection
  readonly #identity: Identity
  /**
   * By partition: the number by which the broker counts this producer's messages, so that a repeated request
   * adds nothing.
   */
  readonly #sequences = new Map<string, number>()
  /** The partitions in the transaction; none if there is no transaction. */
  readonly #joined = new Set<string>()

  private constructor(dependencies: {
    readonly options: TransactionalProducerOptions
    readonly connection: KafkaConnection
    readonly identity: Identity
    readonly timeoutMs: number
  }) {
    this.#options = dependencies.options
    this.#transactionalId = dependencies.options.transactionalId
    this.#connection = dependencies.connection
    this.#identity = dependencies.identity
    this.timeoutMs = dependencies.timeoutMs
  }

  /**
   * When it resolves, every older producer of the transactional id is fenced and its open transaction is
   * aborted.
   */
  static async open(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    const { servers, topics, transactionalId, timeoutsMs = defaultTimeoutsMs } = options
    const { sessions, logger } = options
    const connection = await KafkaConnection.open({ servers, topics, patienceMs, sessions, logger })
    try {
      const opened = await openIdentity(transactionalId, { connection, timeoutsMs })
      return new TransactionalProducer({ options, connection, ...opened })
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
  }

  /** See `KafkaConnection.topicId`. */
  async topicId(topic: string): Promise<string | undefined> {
    return this.#connection.runWithRetries(() => this.#connection.topicId(topic))
  }

  /** Reads one of its topics through its own connection. Not to be used after the producer. */
  fetcher(topic: string, partition: number): PartitionFetcher {
    const { servers, logger } = this.#options
    return PartitionFetcher.through(this.#connection, { servers, topic, partition, logger })
  }

  /**
   * Whether a batch was written by this producer, in a transaction: not by an older or a newer one of its id.
   */
  hasWritten({ producerId, producerEpoch, transactional }: WrittenBy): boolean {
    const own = this.#identity
    return (
      transactional && producerId === BigInt(own.producerId) && producerEpoch === own.producerEpoch
    )
  }

  /**
   * Writes outside of the transaction: visible when it resolves. Writing a message twice has the same effect
   * as once.
   */
  async publish(topic: string, partition: number, messages: EncodedMessages): Promise<void> {
    await this.#produce({ topic, partition, transactionalId: null }, messages, anonymous)
  }

  /**
   * Writes one batch inside the transaction. A request that is repeated is the same batch: it counts once.
   */
  async append(topic: string, partition: number, messages: EncodedMessages): Promise<void> {
    if (messages.count === 0) return
    await this.join([{ topic, partition }])
    await this.#send(topic, partition, messages)
  }

  /**
   * Writes batches of several partitions inside the transaction: those of one partition in their order, the
   * partitions at the same time.
   */
  async appendAll(batches: readonly PartitionMessages[]): Promise<void> {
    const filled = batches.filter(({ count }) => count > 0)
    await this.join(filled)
    const byPlace = Map.groupBy(filled, ({ topic, partition }) => placeOf(topic, partition))
    const sent = await Promise.allSettled(
      [...byPlace.values()].map(async (some) => {
        for (const messages of some) await this.#send(messages.topic, messages.partition, messages)
      }),
    )
    // The bytes belong to the caller again when this returns: all have ended.
    for (const outcome of sent) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #send(topic: string, partition: number, messages: EncodedMessages): Promise<void> {
    const place = placeOf(topic, partition)
    const { producerId, producerEpoch: epoch } = this.#identity
    const sequence = this.#sequences.get(place) ?? 0
    const producer = { id: BigInt(producerId), epoch, sequence, transactional: true }
    const to = { topic, partition, transactionalId: this.#transactionalId }
    await this.#produce(to, messages, producer)
    this.#sequences.set(place, (sequence + messages.count) % 2 ** 31)
  }

  /** Durable, and visible to read_committed consumers, when it resolves. */
  async commit(): Promise<void> {
    await this.#endTransaction(true)
  }

  /** Drops what was written since the last commit. */
  async abort(): Promise<void> {
    await this.#endTransaction(false)
  }

  /**
   * Leaves an open transaction to the broker, which aborts it when its id is opened again, or after its
   * timeout.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  async #produce(
    to: Omit<Parameters<typeof produceRequest>[0], 'batch'>,
    messages: EncodedMessages,
    producer: BatchProducer,
  ): Promise<void> {
    const batch = await encodeBatch(messages, { producer, timestampMs: Date.now() })
    await nameRefusals(this.#writing(to.topic), () =>
      this.#connection.runWithRetries(async () =>
        this.#connection.request(to, produceRequest({ ...to, batch })),
      ),
    )
  }

  /**
   * Adds these partitions to the transaction at the coordinator, before anything is written to them: once, if
   * the partitions are known. If one of several cannot join, the others' error (OPERATION_NOT_ATTEMPTED) may
   * hide the reason: then they join one at a time.
   */
  async join(places: readonly Place[]): Promise<void> {
    const byName = new Map(places.map((place) => [placeOf(place.topic, place.partition), place]))
    const missing = [...byName].filter(([name]) => !this.#joined.has(name))
    if (missing.length === 0) return
    const all = missing.map(([, place]) => place)
    try {
      await this.#addPartitions(all)
    } catch (error) {
      if (isFencedProducer(error)) throw error
      for (const place of all)
        await nameRefusals(this.#writing(place.topic), () => this.#addPartitions([place]))
    }
    for (const [name] of missing) this.#joined.add(name)
  }

  async #addPartitions(places: readonly Place[]): Promise<void> {
    const byTopic = Map.groupBy(places, ({ topic }) => topic)
    const topics = [...byTopic].map(([topic, some]) => {
      return { topic, partitions: some.map(({ partition }) => partition) }
    })
    await this.#atCoordinator(async (coordinator, transaction) =>
      coordinator.addPartitionsToTxn({ ...transaction, topics }),
    )
  }

  /** Ending a transaction twice in the same way is ending it once. */
  async #endTransaction(transactionResult: boolean): Promise<void> {
    if (this.#joined.size === 0) return
    this.#joined.clear()
    await nameRefusals([idFor('Write', this.#transactionalId)], () =>
      this.#atCoordinator(async (coordinator, transaction) =>
        coordinator.endTxn({ ...transaction, transactionResult }),
      ),
    )
  }

  #writing(topic: string): readonly RequestedResource[] {
    return [topicFor('Write', topic), idFor('Write', this.#transactionalId)]
  }

  async #atCoordinator(
    action: (
      coordinator: ClusterBroker,
      transaction: Identity & { readonly transactionalId: string },
    ) => Promise<unknown>,
  ): Promise<void> {
    const transactionalId = this.#transactionalId
    await this.#connection.runWithRetries(async () => {
      const coordinator = await this.#connection.coordinator('transaction', transactionalId)
      await action(coordinator, { ...this.#identity, transactionalId })
    })
  }
}

function idFor(operation: string, name: string): RequestedResource {
  return { kind: 'transactional id', name, operation }
}

function placeOf(topic: string, partition: number): string {
  return `${topic} ${String(partition)}`
}

async function openIdentity(
  transactionalId: string,
  {
    connection,
    timeoutsMs,
  }: { readonly connection: KafkaConnection; readonly timeoutsMs: readonly number[] },
): Promise<{ readonly identity: Identity; readonly timeoutMs: number }> {
  let refused: unknown
  for (const timeoutMs of timeoutsMs) {
    try {
      return { identity: await initProducer(connection, transactionalId, timeoutMs), timeoutMs }
    } catch (error) {
      if (!hasType(error, 'INVALID_TRANSACTION_TIMEOUT')) throw error
      refused = error
    }
  }
  throw refused
}

function initProducer(
  connection: KafkaConnection,
  transactionalId: string,
  transactionTimeout: number,
): Promise<Identity> {
  return connection.runWithRetries(async () => {
    const coordinator = await nameRefusals([idFor('Describe', transactionalId)], () =>
      connection.coordinator('transaction', transactionalId),
    )
    return nameRefusals([idFor('Write', transactionalId)], () =>
      coordinator.initProducerId({ transactionalId, transactionTimeout }),
    )
  })
}

/**
 * When it resolves, no producer of these transactional ids that was opened before can commit; what they had
 * open is aborted.
 */
export async function fenceProducers(
  options: Pick<TransactionalProducerOptions, 'servers' | 'logger'>,
  transactionalIds: readonly string[],
): Promise<void> {
  if (transactionalIds.length === 0) return
  await using connection = await KafkaConnection.open({ ...options, topics: [], patienceMs })
  for (const id of transactionalIds) await initProducer(connection, id, shortTimeoutMs)
}
