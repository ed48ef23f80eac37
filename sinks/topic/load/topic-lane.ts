import type { Logger } from 'pino'
import { hasType, isFencedProducer, refusedTopic } from '../../../kafka/kafka-errors.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { packageVersion } from '../../../lib/files/package-version.ts'
import { schemasTopic } from '../../../kafka/topic-names.ts'
import { type Column, ConnectError, streamLabel } from '../../../protocol/index.ts'
import { LaneProgress } from '../../lane-progress.ts'
import { nameRejection } from '../../named-losses.ts'
import type {
  LaneCheckpoint,
  LaneStats,
  Loss,
  RecordBlock,
  SinkLane,
  StreamSync,
} from '../../sink.ts'
import { CheckpointReader } from '../bookkeeping/checkpoint-reader.ts'
import type { StoredStream } from '../bookkeeping/checkpoints.ts'
import { checkpointMessage, ownBatches, type OwnMessage } from '../bookkeeping/own-messages.ts'
import type { SliceRecord, StreamRecord } from '../bookkeeping/records.ts'
import { requireOwn } from '../bookkeeping/runs.ts'
import { checkpointTopic, laneId, ownPartition, rejectedTopic } from '../own-names.ts'
import { messageSchemas } from '../rows/message-schemas.ts'
import { RowMessages } from '../rows/row-messages.ts'
import type { RejectedRow, RowBatch, RowForm } from '../rows/row-options.ts'
import { requireSameId } from '../sync/registered-schema.ts'
import { targetTopic, type TopicPlace } from '../topic-place.ts'
import { topicError } from '../topic-errors.ts'
import { explainRefusal } from '../topics/explain-refusal.ts'
import { requireSameTopic } from '../topics/topic-identity.ts'
import { laneRecords } from './lane-checkpoint.ts'
import { rejectionMessage } from './rejection-message.ts'
import { publishSchemas, usesSchemasTopic } from './value-schemas.ts'

/** The limit of bytes that wait to be sent. A commit sends the rest: all partitions at the same time. */
const maxPendingBytes = 4 * 1024 * 1024
const maxKeptRejections = 1000
/**
 * How long the records up to the next state may take, once some were sent: as long as Kafka allows by default
 * (`transaction.max.timeout.ms`), or as its operator does.
 */
const timeoutsMs = [15 * 60_000, 5 * 60_000, 60_000]
/** A lane that has died may hide the checkpoints until it is fenced, or its transaction times out. */
const hiddenMs = 16 * 60_000

export interface TopicLaneOptions {
  readonly place: TopicPlace
  readonly sync: StreamSync
  /** The partition of the log. */
  readonly partition: number
  readonly logger: Logger
}

/**
 * Opens a lane with a producer of its own, which fences the older ones of the lane. Throws `fenced` if a
 * newer `begin` took over.
 */
export async function openTopicLane(options: TopicLaneOptions): Promise<SinkLane> {
  const { place, sync, partition, logger } = options
  const { servers } = place
  const { connection } = sync.sink
  const topic = targetTopic(place, sync.streamId)
  try {
    const producer = await TransactionalProducer.open({
      servers,
      topics: [
        topic,
        checkpointTopic(connection),
        rejectedTopic,
        ...(usesSchemasTopic(place) ? [schemasTopic] : []),
      ],
      transactionalId: laneId(connection, sync.streamId, partition),
      timeoutsMs,
      logger,
    })
    try {
      // A newer `begin` of the stream was written before it fenced this lane: either it is found here, or it
      // fences this producer.
      const { record, slices } = await readOwn(options)
      return new TopicLane({ options, topic, producer, record, slices })
    } catch (error) {
      await producer[Symbol.asyncDispose]()
      throw error
    }
  } catch (error) {
    throw topicError(error, { servers, doing: 'opening', topic })
  }
}

async function readOwn({
  place: { servers },
  sync,
  logger,
}: TopicLaneOptions): Promise<StoredStream & { readonly record: StreamRecord }> {
  const { connection } = sync.sink
  await using reader = await CheckpointReader.open({ servers, connection, logger })
  if ((await reader.catchUp(hiddenMs)) === 'hidden') {
    const reason = new Error('a transaction that another process has left open hides a part of it')
    throw topicError(reason, { servers, doing: 'reading', topic: checkpointTopic(connection) })
  }
  return requireOwn(reader.checkpoints, sync)
}

interface LaneContext {
  readonly options: TopicLaneOptions
  readonly topic: string
  readonly producer: TransactionalProducer
  readonly record: StreamRecord
  readonly slices: StoredStream['slices']
}

class TopicLane implements SinkLane {
  readonly #context: LaneContext
  readonly #progress: LaneProgress
  /** As they were committed last. */
  readonly #slices: Map<string, SliceRecord>
  #columns: readonly Column[] = []
  #rows: RowMessages | undefined
  #rejections: RejectedRow[] = []
  /** The first rejections of the transaction, for the account of the run. */
  #losses: Loss[] = []
  #deleted = 0
  #copyMs = 0
  /**
   * The send in progress: the next blocks are encoded meanwhile. The next call that waits for it throws its
   * error.
   */
  #sending: Promise<void> = Promise.resolve()
  /** When the open transaction got its first message. */
  #sentAtMs: number | undefined
  #isOver = false
  /**
   * The open transaction must be aborted here: otherwise it stays open until the next run, or for minutes.
   */
  #leavesOpen = false

  constructor(context: LaneContext) {
    this.#context = context
    this.#progress = new LaneProgress(context.options.sync)
    this.#slices = new Map(context.slices)
  }

  setColumns(columns: readonly Column[]): Promise<void> {
    return this.#guard(async () => {
      if (this.#progress.counts.size > 0)
        throw new TypeError('columns change after a commit or a rollback')
      const { options, topic, producer, record } = this.#context
      const { place, sync } = options
      const form: RowForm = {
        topic,
        sink: sync.sink,
        columns,
        format: place.format,
        lookup: place.registry === undefined ? 'fingerprint' : 'registry',
      }
      const schemaIds = await publishSchemas(form, place, producer)
      const { schema } = record
      // The registry may have lost its schemas since `begin`.
      if (
        schema !== null &&
        schemaIds !== undefined &&
        messageSchemas(form).key?.text === schema.text
      )
        requireSameId(schema, schemaIds.key, { sink: sync.sink, topic })
      this.#columns = columns
      this.#rows = new RowMessages({
        ...form,
        partitions: record.partitions,
        maxMessageBytes: record.maxMessageBytes,
        syncId: sync.syncId,
        generationId: sync.generationId,
        version: packageVersion(),
        ...(schemaIds !== undefined && { schemaIds }),
      })
    })
  }

  write(block: RecordBlock): Promise<void> {
    return this.#guard(async () => {
      const rows = this.#requireRows()
      const started = performance.now()
      this.#progress.take(block.slice, block.seq, { loaded: block.count, rejected: 0 })
      const { deleted, rejected } = rows.write(block)
      this.#deleted += deleted
      for (const rejection of rejected) {
        this.#progress.reject(rejection.slice)
        this.#note(rejection)
      }
      if (rows.pendingBytes >= maxPendingBytes) await this.#send()
      this.#copyMs += performance.now() - started
    })
  }

  reject(rejected: RejectedRow): Promise<void> {
    return this.#guard(async () => {
      this.#progress.take(rejected.slice, rejected.seq, { loaded: 0, rejected: 1 })
      this.#note(rejected)
      if (this.#rejections.length >= maxKeptRejections) await this.#sendRejections()
    })
  }

  /**
   * The bytes of a block are free when `write` resolves: what is not sent yet has been copied. So no
   * transaction opens before it has to.
   */
  flush(): Promise<void> {
    return Promise.resolve()
  }

  commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    return this.#guard(async () => {
      const { producer, options, topic, record } = this.#context
      this.#progress.requireCovered(checkpoint.slices)
      const started = performance.now()
      await this.#send()
      await this.#sending
      await this.#sendRejections()
      if (this.#sentAtMs !== undefined) requireSameTopic(record, await producer.topicId(topic))
      const records = laneRecords(checkpoint, {
        sync: options.sync,
        slices: this.#slices,
        counts: this.#progress.counts,
        columns: this.#columns,
      })
      const checkpoints = checkpointTopic(options.sync.sink.connection)
      await this.#sendOwn(checkpoints, records.map(checkpointMessage))
      await producer.commit()
      for (const record of records)
        if (record.kind === 'slice' && record.value !== null)
          this.#slices.set(record.slice, record.value)
      const stats = {
        loaded: this.#progress.total('loaded'),
        rejected: this.#progress.total('rejected'),
        nulled: 0,
        cut: 0,
        deleted: this.#deleted,
        losses: this.#losses,
        copySeconds: this.#copyMs / 1000,
        mergeSeconds: 0,
        commitSeconds: (performance.now() - started) / 1000,
      }
      this.#progress.committed()
      this.#restart()
      return stats
    })
  }

  rollback(): Promise<void> {
    return this.#guard(async () => {
      this.#rows?.clear()
      // It failed or not: it is taken back.
      await this.#sending.catch(() => undefined)
      this.#sending = Promise.resolve()
      await this.#context.producer.abort()
      this.#progress.rolledBack()
      this.#restart()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { producer } = this.#context
    try {
      if (!this.#isOver) await this.rollback()
      else if (this.#leavesOpen) await this.#abortRest()
    } finally {
      this.#isOver = true
      await producer[Symbol.asyncDispose]()
    }
  }

  /**
   * A transaction that stays open hides what follows it from consumers. After a commit that may have come
   * through, nothing is open.
   */
  async #abortRest(): Promise<void> {
    const { producer, options, topic } = this.#context
    try {
      await this.#sending.catch(() => undefined) // it has failed the lane
      await producer.abort()
    } catch (error) {
      options.logger.debug({ err: error, topic }, 'what the lane has left open was not aborted')
    }
  }

  /** Resolves when what was sent before has arrived, and the next is on its way. */
  async #send(): Promise<void> {
    const rows = this.#requireRows()
    await this.#sending
    const batches = rows.take()
    if (batches.length === 0) return
    this.#sentAtMs ??= performance.now()
    this.#sending = this.#append(rows, batches)
    // Not unhandled: see `#sending`.
    this.#sending.catch(() => undefined)
  }

  async #append(rows: RowMessages, batches: readonly RowBatch[]): Promise<void> {
    const { topic, producer } = this.#context
    await producer.appendAll(
      batches.map(({ partition, bytes, count }) => ({ topic, partition, bytes, count })),
    )
    for (const batch of batches) rows.release(batch)
  }

  async #sendRejections(): Promise<void> {
    const { options, topic } = this.#context
    const rejections = this.#rejections
    this.#rejections = []
    await this.#sendOwn(
      rejectedTopic,
      rejections.map((rejection) => rejectionMessage(rejection, { sync: options.sync, topic })),
    )
  }

  async #sendOwn(topic: string, messages: readonly OwnMessage[]): Promise<void> {
    if (messages.length === 0) return
    await this.#sending
    this.#sentAtMs ??= performance.now()
    const partition = ownPartition
    await this.#context.producer.appendAll(
      ownBatches(messages).map(({ bytes, count }) => ({ topic, partition, bytes, count })),
    )
  }

  #note(rejection: RejectedRow): void {
    this.#rejections.push(rejection)
    nameRejection(this.#losses, rejection)
  }

  #restart(): void {
    this.#rejections = []
    this.#losses = []
    this.#deleted = 0
    this.#copyMs = 0
    this.#sentAtMs = undefined
  }

  #requireRows(): RowMessages {
    if (this.#rows === undefined) throw new TypeError('a lane knows its columns before it writes')
    return this.#rows
  }

  /** A producer that was fenced only knows that it is: the checkpoints say by whom. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      this.#isOver = true
      if (isFencedProducer(thrown) || hasType(thrown, 'INVALID_TXN_STATE'))
        throw await this.#explainFence(thrown)
      const { options, topic } = this.#context
      const { servers } = options.place
      const error = hasType(thrown, 'INVALID_RECORD')
        ? await explainRefusal(thrown, {
            servers,
            logger: options.logger,
            topic: refusedTopic(thrown) ?? topic,
          })
        : topicError(thrown, { servers, doing: 'writing to', topic })
      this.#leavesOpen = error.code !== 'kafka_unreachable'
      throw error
    }
  }

  async #explainFence(cause: unknown): Promise<Error> {
    const { options, topic, producer } = this.#context
    const { timeoutMs } = producer
    const openMs = this.#sentAtMs === undefined ? 0 : performance.now() - this.#sentAtMs
    try {
      await readOwn(options)
    } catch (error) {
      return ConnectError.from(error)
    }
    const seconds = Math.round(timeoutMs / 1000)
    const reason =
      openMs >= timeoutMs
        ? `no state of the source came within the ${String(seconds)} seconds that Kafka lets a transaction be open`
        : 'another process had opened it, and has ended since'
    const details = { stream: streamLabel(options.sync.streamId), topic, reason }
    return new ConnectError('destination_transaction_lost', { details, cause })
  }
}
