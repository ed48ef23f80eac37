import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, ITopicConfig } from 'kafkajs'
import { inject } from 'vitest'
import { startKafkaBroker } from '../kafka/broker.ts'
import type { KafkaBroker, KafkaBrokerOptions } from '../kafka/kafka-broker.ts'

export interface TestKafka {
  readonly brokers: readonly string[]
  /** Unique: begin the names of topics, groups and connections with it. */
  readonly prefix: string
}

/** The broker that all tests share: that of KAFKA_BROKERS, or one that was started for this run. */
export function testKafka(): TestKafka {
  return { brokers: inject('kafkaBrokers'), prefix: `t${randomBytes(6).toString('hex')}` }
}

/** A broker of the test's own, that it may kill. Its data goes when it is disposed of. */
export async function startKafka(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  return startKafkaBroker({ isShortLived: true, ...options })
}

/**
 * Resolves when the topic can be used; false if it was there already. What kafkajs itself does to wait fails
 * now and then: it takes "does not host this topic-partition", which a broker says of a new topic, for final.
 */
export async function createServedTopic(admin: Admin, topic: ITopicConfig): Promise<boolean> {
  const isNew = await admin.createTopics({ topics: [topic], waitForLeaders: false })
  const isServed = async (): Promise<boolean> => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic.topic] })
    return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
  }
  const end = performance.now() + 30_000
  while (!(await isServed().catch(() => false))) {
    if (performance.now() > end) throw new Error(`no broker serves the topic ${topic.topic}`)
    await sleep(20)
  }
  return isNew
}
