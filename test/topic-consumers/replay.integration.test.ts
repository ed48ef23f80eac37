import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { createServedTopic, testKafka } from '../support/kafka.ts'
import { newFolderInMemory } from '../support/new-folder.ts'
import {
  javaConsumer,
  pythonConsumer,
  readToEnd,
  tableOf,
  type ConsumerProgram,
} from './consumer-programs.ts'
import { recordedMessages, recordedTable, recordedTopics } from './recording.ts'
import { comparableRows, differences } from './table-rows.ts'

describe.runIf(process.env.CONSUMER_ROUNDS !== undefined)('recorded topics', () => {
  it(
    'give the rows of the destination to the consumers in Python and Java',
    { timeout: 600_000 },
    async () => {
      const { brokers, prefix } = testKafka()
      const topics = recordedTopics()
      expect(topics.length).toBeGreaterThanOrEqual(8)
      await produceRecorded(brokers, prefix, topics)
      const folder = await newFolderInMemory('replay')
      for (const program of [await pythonConsumer(), await javaConsumer()])
        expect(await wrongRows(program, { brokers, prefix, topics, folder })).toEqual([])
    },
  )
})

interface Replay {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly topics: readonly string[]
  readonly folder: string
}

async function wrongRows(
  program: ConsumerProgram,
  { brokers, prefix, topics, folder }: Replay,
): Promise<readonly string[]> {
  const store = join(folder, program.name)
  const named = topics.map((topic) => `${prefix}.${topic}`)
  await readToEnd(program, { brokers, store, group: `${prefix}-${program.name}`, topics: named })
  const wrong: string[] = []
  for (const topic of topics) {
    const rows = comparableRows(await tableOf(program, store, `${prefix}.${topic}`))
    const found = differences(comparableRows(recordedTable(topic)), rows)
    wrong.push(...found.map((difference) => `${topic}: ${difference}`))
  }
  return wrong
}

async function produceRecorded(
  brokers: readonly string[],
  prefix: string,
  topics: readonly string[],
): Promise<void> {
  calmRequestQueues()
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  try {
    for (const recorded of topics) {
      const topic = `${prefix}.${recorded}`
      const messages = recordedMessages(recorded)
      const numPartitions = Math.max(...messages.map(({ partition }) => partition)) + 1
      await createServedTopic(admin, { topic, numPartitions })
      await producer.send({
        topic,
        messages: messages.map(({ partition, headers, key, value }) => ({
          ...{ partition, key, value },
          headers: { ...headers },
        })),
      })
    }
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
}
