import { randomBytes } from 'node:crypto'
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
