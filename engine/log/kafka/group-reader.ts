import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs, { type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs'
import { ConnectError } from '../../../protocol/index.ts'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { ensureKeyedTopic, type KeyedTopic } from './keyed-producer.ts'

/** A message as it was read. */
export interface ReadRecord {
  readonly key: string
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export interface GroupReaderOptions extends KeyedTopic {
  readonly groupId: string
  /**
   * Called with the next messages of a partition, in their order; one call for each partition at a time. When
   * it resolves, they are done for all readers of the group. If it throws, it is called with them again after
   * a pause: also in another process.
   */
  readonly handle: (records: readonly ReadRecord[]) => Promise<void>
}

/** After this time another reader takes over from one that was killed. */
const sessionTimeoutMs = 10_000
const heartbeatMs = 3_000
const maxBatchBytes = 4 * 1024 * 1024
const pauseMs = { first: 500, last: 5_000 } as const

// kafkajs has no zstd codec, and we write zstd. It supports gzip itself.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => promisify(zstdCompress)(buffer),
  decompress: (buffer: Buffer) => promisify(zstdDecompress)(buffer),
})

/**
 * Reads a topic as one of a consumer group until the signal is aborted: each message is read by one of them,
 * and by another one if that dies. A message may come more than once. Brokers that are away are waited for.
 */
export async function readAsGroup(options: GroupReaderOptions, signal: AbortSignal): Promise<void> {
  let pause: number = pauseMs.first
  while (!signal.aborted) {
    try {
      await readUntilFailure(options, signal)
      pause = pauseMs.first
    } catch (error) {
      const { topic, servers, logger } = options
      const target = `topic ${topic}`
      const { code, message } = kafkaError(error, { servers, doing: 'reading', target, topic })
      logger.warn({ code, reason: message, topic }, 'a topic is not read')
    }
    await delay(pause, undefined, { signal }).catch(() => undefined)
    pause = Math.min(pause * 2, pauseMs.last)
  }
}

async function readUntilFailure(options: GroupReaderOptions, signal: AbortSignal): Promise<void> {
  const { servers, groupId, topic, logger } = options
  await ensureKeyedTopic(options)
  const consumer = kafkaClient(servers, logger).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatMs,
    allowAutoTopicCreation: false,
    maxBytesPerPartition: maxBatchBytes,
    maxWaitTimeInMs: 500,
    // kafkajs would retry for ever with its old metadata of brokers and group. We start again instead.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  })
  const failed = failureOf(consumer)
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => handleBatch(consumer, payload, { options, signal }),
    })
    const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort')
    await Promise.race([stopped, failed])
  } finally {
    await consumer.disconnect()
  }
}

/** Rejects when kafkajs gives up. */
function failureOf(consumer: Consumer): Promise<never> {
  const failed = Promise.withResolvers<never>()
  consumer.on('consumer.crash', ({ payload: { error } }) => {
    failed.reject(error)
  })
  failed.promise.catch(() => undefined) // It may fail while nobody waits: when it stops.
  return failed.promise
}

async function handleBatch(
  consumer: Consumer,
  payload: EachBatchPayload,
  { options, signal }: { readonly options: GroupReaderOptions; readonly signal: AbortSignal },
): Promise<void> {
  const { batch } = payload
  const { topic, partition, messages } = batch
  const records = messages.map(recordOf)
  const last = messages.at(-1)
  const mayContinue = (): boolean => payload.isRunning() && !payload.isStale() && !signal.aborted
  // Without a heartbeat the group takes the partition away from a reader that waits for something.
  const beat = setInterval(() => {
    payload.heartbeat().catch(() => undefined) // The next request of kafkajs meets the same error.
  }, heartbeatMs)
  try {
    for (
      let pause: number = pauseMs.first;
      mayContinue();
      pause = Math.min(pause * 2, pauseMs.last)
    ) {
      if (await isHandled(records, options)) break
      await delay(pause, undefined, { signal }).catch(() => undefined)
      await payload.heartbeat()
    }
  } finally {
    clearInterval(beat)
  }
  if (last === undefined || !mayContinue()) return
  payload.resolveOffset(last.offset)
  const offset = String(BigInt(batch.lastOffset()) + 1n)
  await consumer.commitOffsets([{ topic, partition, offset }])
}

async function isHandled(
  records: readonly ReadRecord[],
  { handle, logger, topic }: GroupReaderOptions,
): Promise<boolean> {
  try {
    await handle(records)
    return true
  } catch (error) {
    const { code, message } = ConnectError.from(error)
    logger.warn({ code, reason: message, topic }, 'messages could not be handled yet')
    return false
  }
}

function recordOf({ key, value, headers = {} }: KafkaMessage): ReadRecord {
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text ?? '')] as const)
  return {
    key: String(key ?? ''),
    value: value ?? Buffer.alloc(0),
    headers: Object.fromEntries(texts),
  }
}
