import type { Logger } from 'pino'
import { KeyedProducer, type KeyedTopic } from '../../../engine/log/kafka/keyed-producer.ts'
import { readAsGroup } from '../../../engine/log/kafka/group-reader.ts'
import { Batches } from '../../../lib/async/batches.ts'
import { inTime } from '../../../lib/async/in-time.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type {
  Appended,
  DeliveryLog,
  NewDelivery,
  StoredDeliveryLog,
} from '../deliveries/contract.ts'
import { deliveryBatch } from '../deliveries/delivery-log.ts'
import { deliveryOf, recordOf } from './delivery-record.ts'

/** Larger than those for PostgreSQL: a request costs the broker more than the messages in it. */
const kafkaBatch = { most: 256, fill: 128, parallel: 3 } as const
/** Events that this process wrote last: the workers need a moment to bring them to PostgreSQL. */
const maxRecent = 50_000
/** While PostgreSQL is away it is not queried for this time: a query would delay every delivery. */
const askAgainMs = 5_000
const lookUpMs = 1_000
/** Deliveries in a statement of the workers, where nobody waits. */
const broughtAtOnce = 500
/** Beside the body in a message: its facts, framing. */
const besideBodyBytes = 512 * 1024

export interface KafkaDeliveryLogOptions {
  readonly topic: KeyedTopic
  readonly stored: StoredDeliveryLog
  readonly logger: Logger
  now(): number
}

/**
 * Deliveries are durable in a topic: on all replicas in sync. Workers bring them to PostgreSQL
 * (`bringDeliveries`), which has the last word on repetitions; here they are known as far as PostgreSQL and
 * this process know them.
 */
export class KafkaDeliveryLog implements DeliveryLog, AsyncDisposable {
  readonly #options: KafkaDeliveryLogOptions
  readonly #appended: Batches<NewDelivery, Appended>
  /** The hashes of bodies by event; the oldest first. */
  readonly #recent = new Map<string, string>()
  #producer: Promise<KeyedProducer> | undefined
  #isDisposed = false
  #askAgainAtMs = 0

  constructor(options: KafkaDeliveryLogOptions) {
    this.#options = options
    this.#appended = new Batches((batch) => this.#append(batch), {
      ...deliveryBatch,
      ...kafkaBatch,
      failsTogether: (error) =>
        error instanceof ConnectError && error.code !== 'log_message_too_large',
    })
  }

  append(delivery: NewDelivery): Promise<Appended> {
    return this.#appended.add(delivery)
  }

  late(afterMs: number): ConnectError {
    const { topic, servers } = this.#options.topic
    const reason = `topic ${topic} did not take the delivery within ${String(afterMs / 1000)} s`
    const details = { brokers: servers.brokers.join(', '), reason }
    return new ConnectError('kafka_unreachable', { details })
  }

  async #append(batch: readonly NewDelivery[]): Promise<readonly Appended[]> {
    const producer = await this.#opened()
    const { written, judge } = this.#compare(batch)
    const fits = ({ body }: NewDelivery): boolean =>
      body.length <= producer.maxMessageBytes - besideBodyBytes
    // The brokers take no message of that size.
    const large = written.filter((delivery) => !fits(delivery))
    // Deliveries that PostgreSQL already has are written too: the workers detect them, and nobody has to wait
    // for PostgreSQL and then for Kafka.
    const [known] = await Promise.all([
      this.#known(batch),
      producer.send(written.filter(fits).map(recordOf)),
      large.length > 0 ? this.#options.stored.appendAll(large) : undefined,
    ])
    const results = batch.map((delivery, place) => judge(delivery, known[place]))
    for (const [place, delivery] of batch.entries())
      if (results[place] === 'stored')
        this.#remember(keyOf(delivery), delivery.bodyHash.toString('hex'))
    return results
  }

  /**
   * Compares the batch with the deliveries that this process wrote before, and within itself. Conflicts are
   * written too: the workers store them as suspicious.
   */
  #compare(batch: readonly NewDelivery[]): {
    readonly written: readonly NewDelivery[]
    readonly judge: (delivery: NewDelivery, stored: string | undefined) => Appended
  } {
    const first = new Map<string, NewDelivery>()
    for (const delivery of batch)
      if (!first.has(keyOf(delivery))) first.set(keyOf(delivery), delivery)
    const judge = (delivery: NewDelivery, stored: string | undefined): Appended => {
      const key = keyOf(delivery)
      const hash = delivery.bodyHash.toString('hex')
      const before = stored ?? this.#recent.get(key) ?? hashBefore(delivery, first.get(key))
      if (before === undefined) return 'stored'
      return before === hash ? 'repeated' : 'conflict'
    }
    const written = batch.filter((delivery) => judge(delivery, undefined) !== 'repeated')
    return { written, judge }
  }

  #opened(): Promise<KeyedProducer> {
    if (this.#isDisposed) throw new ConnectError('ingress_unavailable')
    this.#producer ??= KeyedProducer.open(this.#options.topic).catch((error: unknown) => {
      this.#producer = undefined
      throw error
    })
    return this.#producer
  }

  /** If PostgreSQL does not respond, nothing is known: the workers find repetitions later. */
  async #known(batch: readonly NewDelivery[]): Promise<readonly (string | undefined)[]> {
    const { stored, logger } = this.#options
    if (this.#options.now() < this.#askAgainAtMs) return []
    try {
      return await inTime(stored.storedHashes(batch), lookUpMs, tooSlow)
    } catch (error) {
      this.#askAgainAtMs = this.#options.now() + askAgainMs
      const { code } = ConnectError.from(error)
      logger.warn({ code }, 'repeated deliveries are not recognised at once')
      return []
    }
  }

  #remember(key: string, hash: string): void {
    const [oldest] = this.#recent.size >= maxRecent ? this.#recent.keys() : []
    if (oldest !== undefined) this.#recent.delete(oldest)
    this.#recent.set(key, hash)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const producer = await this.#producer?.catch(() => undefined)
    await producer?.[Symbol.asyncDispose]()
  }
}

/**
 * Brings deliveries from the topic to PostgreSQL until the signal is aborted; all processes of a service
 * share the work. Another service that uses the same brokers reads all deliveries too, and leaves out those
 * of receivers that it does not have.
 */
export async function bringDeliveries(
  {
    topic,
    stored,
    serviceId,
    logger,
  }: Omit<KafkaDeliveryLogOptions, 'now'> & { readonly serviceId: string },
  signal: AbortSignal,
): Promise<void> {
  const handle: Parameters<typeof readAsGroup>[0]['handle'] = async (records) => {
    const deliveries = records.map(deliveryOf).filter((delivery) => delivery !== undefined)
    if (deliveries.length < records.length)
      logger.warn(
        { topic: topic.topic, messages: records.length - deliveries.length },
        'messages that are no deliveries were skipped',
      )
    for (let from = 0; from < deliveries.length; from += broughtAtOnce)
      await stored.appendAll(deliveries.slice(from, from + broughtAtOnce))
  }
  await readAsGroup({ ...topic, groupId: `${topic.topic}.${serviceId}`, handle }, signal)
}

/** The hash of the first delivery of an event in a batch; undefined if this delivery is the first. */
function hashBefore(delivery: NewDelivery, first: NewDelivery | undefined): string | undefined {
  return first === undefined || first === delivery ? undefined : first.bodyHash.toString('hex')
}

function keyOf({ receiverId, eventId }: NewDelivery): string {
  return `${receiverId} ${eventId}`
}

function tooSlow(): ConnectError {
  const reason = `no answer within ${String(lookUpMs)} ms`
  return new ConnectError('store_unavailable', { details: { reason } })
}
