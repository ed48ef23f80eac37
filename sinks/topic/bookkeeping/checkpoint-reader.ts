import type { Logger } from 'pino'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { type FetchedBatch, PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { readRange } from '../../../kafka/read-range.ts'
import type { RecordBatch } from '../../../kafka/record-batch/record-batch.ts'
import { Mutex } from '../../../lib/async/slots.ts'
import { checkpointTopic, ownPartition } from '../own-names.ts'
import { checkpointsReplaced, topicError } from '../topic-errors.ts'
import { Checkpoints } from './checkpoints.ts'
import { type CheckpointRecord, parseRecord } from './records.ts'

export interface CheckpointPlace {
  readonly servers: KafkaServers
  readonly connection: string
  readonly logger: Logger
}

/** Reads the checkpoint topic of a connection, read_committed, from its beginning on. */
export class CheckpointReader implements AsyncDisposable {
  /** As of the last time that `catchUp` resolved, with what was applied since. */
  readonly checkpoints = new Checkpoints()
  readonly #topic: string
  readonly #servers: KafkaServers
  readonly #fetcher: PartitionFetcher
  readonly #reading = new Mutex()
  #offset: bigint
  #isKnown: (batch: RecordBatch) => boolean = () => false

  private constructor(place: CheckpointPlace, fetcher: PartitionFetcher, low: bigint) {
    this.#topic = checkpointTopic(place.connection)
    this.#servers = place.servers
    this.#fetcher = fetcher
    this.#offset = low
  }

  static async open(place: CheckpointPlace): Promise<CheckpointReader> {
    const { servers, connection, logger } = place
    const topic = checkpointTopic(connection)
    try {
      const partition = ownPartition
      const fetcher = await PartitionFetcher.open({ servers, topic, partition, logger })
      const { low } = await fetcher.bounds()
      return new CheckpointReader(place, fetcher, low)
    } catch (error) {
      throw topicError(error, { servers, doing: 'reading', topic })
    }
  }

  /** Batches that are left out, because what they say is applied when they are written. */
  ignore(isKnown: (batch: RecordBatch) => boolean): void {
    this.#isKnown = isKnown
  }

  /** Applies records that this process has committed. */
  apply(records: readonly CheckpointRecord[]): void {
    for (const record of records) this.checkpoints.apply(record)
  }

  /**
   * Reads up to the end that the topic has now, all at once: nobody sees a part of it. `hidden` if a
   * transaction that does not end hides what follows it, for this time; then what comes before it was read.
   */
  catchUp(limitMs: number): Promise<'read' | 'hidden'> {
    return this.#reading.run(async () => {
      try {
        return await this.#catchUp(limitMs)
      } catch (error) {
        throw topicError(error, { servers: this.#servers, doing: 'reading', topic: this.#topic })
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetcher[Symbol.asyncDispose]()
  }

  async #catchUp(hiddenMs: number): Promise<'read' | 'hidden'> {
    const { high: to } = await this.#fetcher.bounds()
    if (to < this.#offset) throw checkpointsReplaced(this.#topic)
    const records: CheckpointRecord[] = []
    const { outcome, next } = await readRange(this.#fetcher, {
      from: this.#offset,
      to,
      hiddenMs,
      take: async (batches) => {
        records.push(...(await this.#parse(batches)))
      },
    })
    if (outcome === 'lost') throw checkpointsReplaced(this.#topic)
    this.#offset = next
    this.apply(records)
    return outcome
  }

  async #parse(batches: readonly FetchedBatch[]): Promise<readonly CheckpointRecord[]> {
    const records: CheckpointRecord[] = []
    const unknown = batches.filter(({ batch }) => !this.#isKnown(batch))
    for await (const { offset, key, value } of this.#fetcher.messages(unknown))
      records.push(parseRecord({ topic: this.#topic, offset, key, value }))
    return records
  }
}
