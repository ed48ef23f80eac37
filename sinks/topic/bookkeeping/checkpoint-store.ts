import { isFencedProducer } from '../../../kafka/kafka-errors.ts'
import { fenceProducers, TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { Mutex } from '../../../lib/async/slots.ts'
import type { ConnectError } from '../../../protocol/index.ts'
import { checkpointTopic, controlTopic, laneId, mainId, ownPartition } from '../own-names.ts'
import { topicError } from '../topic-errors.ts'
import { type CheckpointPlace, CheckpointReader } from './checkpoint-reader.ts'
import type { Checkpoints, StoredStream } from './checkpoints.ts'
import { checkpointMessage, ownBatches, type OwnMessage } from './own-messages.ts'
import type { CheckpointRecord } from './records.ts'

/** The records that a decision about the checkpoints writes, all or nothing. */
export interface Change<T> {
  readonly result: T
  readonly records: readonly CheckpointRecord[]
  /** For `connect-control`. */
  readonly control?: readonly OwnMessage[]
}

/** The checkpoints of a connection, and changes of them: each is a decision about them as they are. */
export interface Bookkeeping {
  /**
   * Returns the checkpoints, with everything that lanes have committed until now. Do not hold the result
   * across an await.
   */
  read(): Promise<Checkpoints>
  /** Durable when it resolves. The decision may be made several times. */
  change<T>(decide: (now: Checkpoints) => Change<T>): Promise<T>
  /** No lane of these streams that was opened before can commit. */
  fence(streams: readonly StoredStream[]): Promise<void>
}

/**
 * Others take the connection over and give it back while a change is tried: more often means that two
 * processes fight for it.
 */
const maxTries = 5
/**
 * A lane hides what follows its last messages for a few milliseconds. One that has died hides it until it is
 * fenced, or its transaction times out.
 */
const hiddenMs = 2_000
/** Longer than any transaction may be open. */
const waitMs = 16 * 60_000

/**
 * The bookkeeping of a connection on the main thread. Every change is a decision about the checkpoints as
 * they are, and one transaction: the transactional id belongs to one process at a time, so that a change
 * commits only if nobody else has changed anything since it was decided. The process that is fenced reads
 * again, and decides again.
 */
export class CheckpointStore implements Bookkeeping, AsyncDisposable {
  readonly #place: CheckpointPlace
  readonly #topic: string
  readonly #writing = new Mutex()
  #reader: Promise<CheckpointReader> | undefined
  #producer: TransactionalProducer | undefined

  constructor(place: CheckpointPlace) {
    this.#place = place
    this.#topic = checkpointTopic(place.connection)
  }

  /** The checkpoints, with all that lanes have committed until now. Not to be held across an await. */
  async read(): Promise<Checkpoints> {
    const reader = await this.#open()
    if ((await reader.catchUp(waitMs)) === 'read') return reader.checkpoints
    throw this.#hidden()
  }

  /**
   * Durable when it resolves. The decision may be made several times; what lanes have committed since the
   * last `read` may be missing from it.
   */
  change<T>(decide: (now: Checkpoints) => Change<T>): Promise<T> {
    return this.#changeAfter(() => Promise.resolve(), decide)
  }

  /**
   * The same, when no lane of the connection is to commit any more: the decision knows all that was, and one
   * that has died is fenced.
   */
  changeAtRest<T>(decide: (now: Checkpoints) => Change<T>): Promise<T> {
    return this.#changeAfter((reader) => this.#readAll(reader), decide)
  }

  #changeAfter<T>(
    prepare: (reader: CheckpointReader) => Promise<void>,
    decide: (now: Checkpoints) => Change<T>,
  ): Promise<T> {
    return this.#writing.run(async () => {
      for (let tries = 1; ; tries++) {
        const { producer, reader } = await this.#own()
        await prepare(reader)
        const change = decide(reader.checkpoints)
        try {
          await this.#write(producer, change)
          reader.apply(change.records)
          return change.result
        } catch (error) {
          // Whether it was committed is not known: the next change reads the topic again.
          await this.#leave()
          if (!isFencedProducer(error) || tries >= maxTries)
            throw topicError(error, this.#doing('writing to'))
        }
      }
    })
  }

  /** No lane of these streams that was opened before can commit; what they had open is aborted. */
  async fence(streams: readonly StoredStream[]): Promise<void> {
    const { servers, connection, logger } = this.#place
    const ids = streams.flatMap(({ id, record }) =>
      Array.from({ length: record?.lanes ?? 0 }, (_, lane) => laneId(connection, id, lane)),
    )
    try {
      await fenceProducers({ servers, logger }, ids)
    } catch (error) {
      throw topicError(error, this.#doing('fencing the writers of'))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave()
    const reader = await this.#reader?.catch(() => undefined) // the caller that opened it got the error
    await reader?.[Symbol.asyncDispose]()
  }

  async #write(
    producer: TransactionalProducer,
    { records, control = [] }: Omit<Change<unknown>, 'result'>,
  ): Promise<void> {
    const partition = ownPartition
    const checkpoints = ownBatches(records.map(checkpointMessage))
    await producer.appendAll([
      ...checkpoints.map(({ bytes, count }) => ({ topic: this.#topic, partition, bytes, count })),
      ...ownBatches(control).map(({ bytes, count }) => ({
        topic: controlTopic,
        partition,
        bytes,
        count,
      })),
    ])
    await producer.commit()
  }

  /** The one producer of the connection, and all that was written before it was opened. */
  async #own(): Promise<{
    readonly producer: TransactionalProducer
    readonly reader: CheckpointReader
  }> {
    const reader = await this.#open()
    if (this.#producer !== undefined) return { producer: this.#producer, reader }
    const producer = await this.#openProducer()
    try {
      await this.#readAll(reader)
    } catch (error) {
      await producer[Symbol.asyncDispose]()
      throw error
    }
    reader.ignore((batch) => producer.hasWritten(batch))
    this.#producer = producer
    return { producer, reader }
  }

  async #openProducer(): Promise<TransactionalProducer> {
    const { servers, connection, logger } = this.#place
    try {
      return await TransactionalProducer.open({
        servers,
        topics: [this.#topic, controlTopic],
        transactionalId: mainId(connection),
        logger,
      })
    } catch (error) {
      throw topicError(error, this.#doing('opening'))
    }
  }

  /**
   * Lanes of a process that was killed may hide a part of the topic: they are fenced. They are known from
   * before what they hide.
   */
  async #readAll(reader: CheckpointReader): Promise<void> {
    const started = performance.now()
    while ((await reader.catchUp(hiddenMs)) === 'hidden') {
      if (performance.now() - started > waitMs) throw this.#hidden()
      await this.fence(reader.checkpoints.streams())
    }
  }

  #open(): Promise<CheckpointReader> {
    this.#reader ??= CheckpointReader.open(this.#place).catch((error: unknown) => {
      this.#reader = undefined
      throw error
    })
    return this.#reader
  }

  async #leave(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    const reader = await this.#reader?.catch(() => undefined) // the caller that opened it got the error
    reader?.ignore(() => false)
    await producer?.[Symbol.asyncDispose]()
  }

  #hidden(): ConnectError {
    const reason = 'a transaction that another process has left open hides a part of it'
    return topicError(new Error(reason), this.#doing('reading'))
  }

  #doing(doing: string): {
    readonly servers: CheckpointPlace['servers']
    readonly doing: string
    readonly topic: string
  } {
    return { servers: this.#place.servers, doing, topic: this.#topic }
  }
}
