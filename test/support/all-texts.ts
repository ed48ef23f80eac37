import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { expect } from 'vitest'
import { zstdForKafkajs } from './kafkajs-zstd.ts'
import type { TestDatabase } from './postgres.ts'

/** Every row of every table, regardless of its writer. */
export async function dumpOf(database: TestDatabase): Promise<string> {
  const tables = await database.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const dumps = tables.map(async ({ name }) => {
    const rows = await database.query(`SELECT row_to_json(t)::text AS row FROM ${String(name)} t`)
    return `${String(name)}\n${rows.map(({ row }) => String(row)).join('\n')}`
  })
  return (await Promise.all(dumps)).join('\n')
}

/**
 * Keys, values and headers of all messages of the topics of these connections, and of the one that all
 * connections share.
 */
export async function topicsOf(brokers: readonly string[], prefix: string): Promise<string> {
  // Other tests write topics that all share, with what Java's client compresses with.
  zstdForKafkajs()
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const topics = (await admin.listTopics()).filter(
    (topic) => topic.includes(prefix) || topic === 'connect.states' || topic === 'connect.schemas',
  )
  expect(topics.some((topic) => topic.includes(prefix))).toBe(true)
  await admin.disconnect()
  const texts: string[] = []
  const consumer = client.consumer({
    groupId: `${prefix}-secrets`,
    readUncommitted: true,
    maxWaitTimeInMs: 200,
  })
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  let lastAt = Infinity
  await consumer.run({
    eachBatch: ({ batch }) => {
      lastAt = performance.now()
      for (const { key, value, headers } of batch.messages) {
        const parts = [key, value].map((bytes) => bytes?.toString('latin1'))
        texts.push(`${parts.join(' ')} ${JSON.stringify(headers)}`)
      }
      return Promise.resolve()
    },
  })
  // Shared topics may go on growing: the messages that were there at the beginning have arrived by then.
  const giveUpAt = performance.now() + 60_000
  while (performance.now() < Math.min(lastAt + 2_000, giveUpAt)) await sleep(100)
  await consumer.disconnect()
  return `${topics.join('\n')}\n${texts.join('\n')}`
}
