import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import { calmRequestQueues } from '../../kafka/request-queue.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
const inflate = promisify(zstdDecompress)

/** The shape of messages: their average size, and the values of the first ones. */
export interface MessageSample {
  readonly keyBytes: number
  readonly valueBytes: number
  readonly values: readonly Buffer[]
}

/** The topics of a benchmark. */
export interface BenchTopics extends AsyncDisposable {
  create(topic: string, partitions: number): Promise<void>
  /** Resolves when the broker has forgotten it. */
  remove(topic: string): Promise<void>
  /** The ends of its partitions, added up: its messages, and the ends of transactions. */
  end(topic: string): Promise<number>
  sample(topic: string, messages: number): Promise<MessageSample>
}

export async function openBenchTopics(brokers: readonly string[]): Promise<BenchTopics> {
  calmRequestQueues()
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(new TypeError('it only reads')),
    decompress: (bytes: Buffer) => inflate(bytes),
  })
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId: 'bench',
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  return {
    create: async (topic, numPartitions) => {
      await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
    },
    remove: async (topic) => {
      await admin.deleteTopics({ topics: [topic] })
    },
    end: async (topic) => {
      const partitions = await admin.fetchTopicOffsets(topic).catch((error: unknown) => {
        // Its leaders are not known yet.
        if (error instanceof kafkajs.KafkaJSError && error.retriable) return []
        throw error
      })
      return partitions.reduce((sum, { high }) => sum + Number(high), 0)
    },
    sample: (topic, messages) => sampleOf(kafka, topic, messages),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}

async function sampleOf(
  kafka: kafkajs.Kafka,
  topic: string,
  messages: number,
): Promise<MessageSample> {
  const consumer = kafka.consumer({ groupId: `bench-${topic}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    const values: Buffer[] = []
    let keyBytes = 0
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: ({ message }) => {
            if (values.length < messages) {
              keyBytes += message.key?.length ?? 0
              values.push(message.value ?? Buffer.alloc(0))
            } else {
              resolve()
            }
            return Promise.resolve()
          },
        })
        .catch(reject)
    })
    const valueBytes = values.reduce((sum, { length }) => sum + length, 0)
    return { keyBytes: keyBytes / messages, valueBytes: valueBytes / messages, values }
  } finally {
    await consumer.disconnect()
  }
}
