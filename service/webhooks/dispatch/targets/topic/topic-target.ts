import type { Logger } from 'pino'
import { EventTopics, type TopicEvent } from '../../../../../engine/log/kafka/event-topics.ts'
import type { KafkaServers } from '../../../../../kafka/kafka-servers.ts'
import { Batches } from '../../../../../lib/async/batches.ts'
import type { ClaimedDispatch } from '../../../deliveries/contract.ts'
import type {
  DispatchedEvent,
  DispatchOutcome,
  DispatchTarget,
  TargetOf,
  TargetProblem,
} from '../contract.ts'
import { failedOutcome } from '../failed-outcome.ts'
import { reservedTopicProblem } from './reserved-topics.ts'

const together = { most: 500, failsTogether: () => true }

/** `topic:NAME`: a topic of the service's Kafka, as Avro. */
export class TopicTarget implements DispatchTarget<'topic'>, AsyncDisposable {
  readonly #topics: EventTopics | undefined
  readonly #batches = new Map<string, Batches<ClaimedDispatch, undefined>>()

  /** @param servers undefined: the service has no Kafka */
  constructor(servers: KafkaServers | undefined, logger: Logger) {
    this.#topics = servers && new EventTopics(servers, logger)
  }

  problem({ name }: TargetOf<'topic'>): TargetProblem | undefined {
    const reserved = reservedTopicProblem(name)
    if (reserved !== undefined) return reserved
    if (this.#topics !== undefined) return undefined
    return {
      reason: 'the service has no Kafka',
      fix: 'Set `KAFKA_BROKERS` (or `kafka.brokers` below `[connect]`) and restart the service, or choose another target.',
    }
  }

  refusal({ name }: TargetOf<'topic'>): TargetProblem | undefined {
    return reservedTopicProblem(name)
  }

  async dispatch({
    target: { name },
    claimed,
  }: DispatchedEvent<'topic'>): Promise<DispatchOutcome> {
    const batches = this.#batches.get(name) ?? new Batches(this.#sendTo(name), together)
    this.#batches.set(name, batches)
    try {
      await batches.add(claimed)
      return { outcome: 'done' }
    } catch (error) {
      return failedOutcome(error)
    }
  }

  #sendTo(topic: string): (events: readonly ClaimedDispatch[]) => Promise<readonly undefined[]> {
    return async (events) => {
      await this.#topics?.send(topic, events.map(topicEvent))
      return events.map(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#topics?.[Symbol.asyncDispose]()
  }
}

function topicEvent({ orderKey, receiver, delivery }: ClaimedDispatch): TopicEvent {
  const { id, eventId, eventType, headers, body, receivedAt, kind } = delivery
  return {
    key: orderKey ?? eventId,
    type: kind === 'test' ? 'test' : 'event',
    event: {
      id,
      event_id: eventId,
      event_type: eventType,
      receiver: receiver.name,
      webhook: receiver.webhook,
      instance: receiver.instance,
      received_at: Date.parse(receivedAt),
      headers,
      body,
    },
  }
}
