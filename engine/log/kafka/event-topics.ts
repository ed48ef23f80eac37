import type { Logger } from 'pino'
import {
  encodeEvent,
  eventFingerprint,
  eventSchema,
  type EventMessage,
} from '../../../protocol/index.ts'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { KeyedProducer } from './keyed-producer.ts'
import { sharedTopics } from './topic-names.ts'
import { ensureSharedTopics } from './topics.ts'

/** An event, with the key that its order depends on. */
export interface TopicEvent {
  readonly key: string
  readonly type: 'event' | 'test'
  readonly event: EventMessage
}

/**
 * Topics of events of webhooks. Each has one partition if it is made here, so all of its messages are in
 * order.
 */
export class EventTopics implements AsyncDisposable {
  readonly #servers: KafkaServers
  readonly #logger: Logger
  readonly #producers = new Map<string, Promise<KeyedProducer>>()
  #schema: Promise<void> | undefined

  constructor(servers: KafkaServers, logger: Logger) {
    this.#servers = servers
    this.#logger = logger
  }

  /**
   * All are on all replicas in sync when it resolves; if it throws, some may be. One call for a topic at a
   * time.
   */
  async send(topic: string, events: readonly TopicEvent[]): Promise<void> {
    await this.#published()
    const producer = await this.#producer(topic)
    await producer.send(
      events.map(({ key, type, event }) => ({
        key,
        value: encodeEvent(event),
        headers: { 'connect-type': type, 'connect-id': event.id },
      })),
    )
  }

  /** Readers find the schema before the first message that needs it. */
  #published(): Promise<void> {
    this.#schema ??= this.#publish().catch((error: unknown) => {
      this.#schema = undefined
      throw error
    })
    return this.#schema
  }

  async #publish(): Promise<void> {
    const servers = this.#servers
    await using sessions = new ClusterSessions()
    await ensureSharedTopics({ servers, sessions, logger: this.#logger }, sharedTopics)
    const { schemasTopic } = sharedTopics
    const producer = kafkaClient(servers, this.#logger).producer()
    try {
      await producer.connect()
      const message = { key: eventFingerprint.hex, value: JSON.stringify(eventSchema) }
      await producer.send({ topic: schemasTopic, messages: [message] })
    } catch (error) {
      const target = `topic ${schemasTopic}`
      throw kafkaError(error, { servers, doing: 'writing to', target, topic: schemasTopic })
    } finally {
      await producer.disconnect()
    }
  }

  #producer(topic: string): Promise<KeyedProducer> {
    const known = this.#producers.get(topic)
    if (known !== undefined) return known
    const options = {
      servers: this.#servers,
      topic,
      partitions: 1,
      mayBeCompacted: true,
      logger: this.#logger,
    }
    const opened = KeyedProducer.open(options).catch((error: unknown) => {
      this.#producers.delete(topic)
      throw error
    })
    this.#producers.set(topic, opened)
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#producers.values())
    const producers = opened.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    )
    await Promise.all(producers.map((producer) => producer[Symbol.asyncDispose]()))
  }
}
