import type { Logger } from 'pino'
import { PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { readRange } from '../../../kafka/read-range.ts'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import type { KafkaMessage } from '../../../kafka/record-batch/message-cursor.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import type { StreamRecord } from '../bookkeeping/records.ts'
import type { TopicPlace } from '../topic-place.ts'
import { topicError } from '../topic-errors.ts'
import { rowHeadersOf } from '../topic-messages.ts'
import { type KeyDigest, KeySet, digestOf } from './key-set.ts'

export interface OldKeys {
  readonly place: Pick<TopicPlace, 'servers'>
  readonly record: Pick<
    StreamRecord,
    'topic' | 'partitions' | 'syncId' | 'generationId' | 'generationStart'
  >
  /** A `begin` of the stream fences it. */
  readonly transactionalId: string
  /** Throws if the stream belongs to another attempt by now. */
  readonly requireOwn: () => Promise<void>
  readonly logger: Logger
  /** From its abort on, transactions of others are not waited for: throws `kafka_failed`. */
  readonly stop?: AbortSignal | undefined
}

/**
 * Keys that are held at a time: 128 MiB. A partition with more messages of the new generation is read several
 * times.
 */
const maxKeys = 12_000_000
/**
 * Old keys that wait for the end of the partition, where they may have been deleted already: about 50 MiB.
 * More of them get their tombstones at once.
 */
const maxOldKeys = 500_000
/** The same of long keys. */
const maxOldKeyBytes = 32 * 1024 * 1024
/** One transaction: what follows it is not hidden for long. */
const batchBytes = 256 * 1024
/** A transaction of somebody else may hide a part of the topic for as long as Kafka lets it be open. */
const hiddenMs = 16 * 60_000

/**
 * Writes a tombstone for each key of older generations that the new one did not write. What was killed in the
 * middle is repeated: a tombstone belongs to the new generation, so its key is not deleted twice. Resolves
 * with the number of keys.
 */
export async function deleteOldKeys(old: OldKeys): Promise<number> {
  const { place, record, transactionalId, requireOwn, logger } = old
  const { servers } = place
  const { topic } = record
  try {
    const options = { servers, topics: [topic], transactionalId, logger }
    await using producer = await TransactionalProducer.open(options)
    // A start that takes the stream over from here on fences the producer.
    await requireOwn()
    let deleted = 0
    for (let partition = 0; partition < record.partitions; partition++)
      deleted += await deleteInPartition(old, partition, producer)
    return deleted
  } catch (error) {
    throw topicError(error, { servers, doing: 'deleting old rows of', topic })
  }
}

async function deleteInPartition(
  { place: { servers }, record, logger, stop }: OldKeys,
  partition: number,
  producer: TransactionalProducer,
): Promise<number> {
  const { topic, syncId, generationId } = record
  await using fetcher = await PartitionFetcher.open({ servers, topic, partition, logger })
  const { low, high } = await fetcher.bounds()
  const start = BigInt(record.generationStart[partition] ?? '0')
  if (low >= start) return 0
  const passes = Math.max(1, Math.ceil(Number(high - start) / maxKeys))
  const scan = { fetcher, servers, topic, partition, passes, start, high, logger, stop }
  let deleted = 0
  for (let pass = 0; pass < passes; pass++) {
    const tombstones = new Tombstones(producer, { topic, partition, syncId, generationId })
    await deleteOfPass({ ...scan, pass, generationId }, low, tombstones)
    deleted += tombstones.written
  }
  return deleted
}

/** A key that was deleted since, and not written again, needs no other tombstone. */
async function deleteOfPass(scan: Scan, low: bigint, tombstones: Tombstones): Promise<void> {
  const { start } = scan
  const keys = await newKeys(scan)
  const old = new Set<string>()
  let bytes = 0
  await readMessages(scan, { from: low, to: start }, async (message) => {
    const { key, value } = message
    // Whatever its number is: a connection whose checkpoints were deleted counts its generations again.
    if (key === null || generationOf(message) === undefined) return
    const text = key.toString('latin1')
    if (value === null) {
      old.delete(text)
      return
    }
    const digest = digestOf(key)
    if (!isOfPass(digest, scan) || keys.has(digest)) return
    old.add(text)
    bytes += key.length
    if (old.size < maxOldKeys && bytes < maxOldKeyBytes) return
    await tombstones.writeAll(old)
    bytes = 0
  })
  await tombstones.writeAll(old)
}

interface Scan {
  readonly servers: TopicPlace['servers']
  readonly topic: string
  readonly partition: number
  readonly fetcher: PartitionFetcher
  readonly logger: Logger
  readonly stop: AbortSignal | undefined
  readonly start: bigint
  readonly high: bigint
  readonly pass: number
  readonly passes: number
  readonly generationId: number
}

async function newKeys({ generationId, ...scan }: Scan): Promise<KeySet> {
  const keys = new KeySet()
  const { start: from, high: to } = scan
  await readMessages(scan, { from, to }, (message) => {
    if (message.key === null || generationOf(message) !== generationId) return
    const digest = digestOf(message.key)
    if (isOfPass(digest, scan)) keys.add(digest)
  })
  return keys
}

function isOfPass({ high }: KeyDigest, { pass, passes }: Pick<Scan, 'pass' | 'passes'>): boolean {
  return high % passes === pass
}

/** Undefined: a message of somebody else. */
function generationOf({ headers }: KafkaMessage): number | undefined {
  const text = headers.get('connect-generation')
  return text === undefined ? undefined : Number(text)
}

const hidden = 'a transaction that another process has left open hides a part of it'
const lost = 'an offset is out of range, though nothing was deleted'

async function readMessages(
  scan: Omit<Scan, 'start' | 'high' | 'pass' | 'passes' | 'generationId'>,
  { from, to }: { readonly from: bigint; readonly to: bigint },
  take: (message: KafkaMessage) => Promise<void> | void,
): Promise<void> {
  const { fetcher, servers, topic, stop } = scan
  let next = from
  for (;;) {
    const end = await readRange(fetcher, {
      from: next,
      to,
      hiddenMs,
      onHidden: (wait) => {
        warnOfHidden(scan, wait)
      },
      stop,
      take: async (batches) => {
        for await (const message of fetcher.messages(batches)) {
          if (message.offset >= to) return
          await take(message)
        }
      },
    })
    if (end.outcome === 'read') return
    const doing = { servers, doing: 'reading', topic }
    if (end.outcome === 'hidden') throw topicError(new Error(hidden), doing)
    // Kafka has deleted the oldest messages meanwhile: there is nothing to delete in them.
    const { low } = await fetcher.bounds()
    if (low <= end.next) throw topicError(new Error(lost), doing)
    next = low
  }
}

/** Nobody else would say why the run stands still. */
function warnOfHidden(
  { servers, topic, partition, logger }: Pick<Scan, 'servers' | 'topic' | 'partition' | 'logger'>,
  { from, waitedMs }: { readonly from: bigint; readonly waitedMs: number },
): void {
  const place = `--bootstrap-server ${servers.brokers.join(',')}`
  const partitionOptions = `--topic ${topic} --partition ${String(partition)}`
  logger.warn(
    {
      topic,
      partition,
      offset: from.toString(),
      seconds: Math.round(waitedMs / 1000),
      fix: `Wait: Kafka aborts it when its timeout is over, after 15 minutes at most by default. Or find its producer with \`kafka-transactions.sh ${place} describe-producers ${partitionOptions}\` and end that program; if it is dead, abort the transaction with \`kafka-transactions.sh ${place} abort ${partitionOptions} --start-offset OFFSET\` (its CurrentTransactionStartOffset).`,
    },
    'the end of an overwrite waits for a transaction of another program, which is open in the topic of the rows',
  )
}

class Tombstones {
  written = 0
  readonly #producer: TransactionalProducer
  readonly #place: { readonly topic: string; readonly partition: number }
  readonly #headers: Uint8Array
  readonly #encoder = new BatchEncoder(batchBytes)

  constructor(
    producer: TransactionalProducer,
    {
      syncId,
      generationId,
      ...place
    }: {
      readonly topic: string
      readonly partition: number
      readonly syncId: number
      readonly generationId: number
    },
  ) {
    this.#producer = producer
    this.#place = place
    this.#headers = encodeHeaders(rowHeadersOf({ syncId, generationId }))
  }

  /** Keys as Latin-1 text, which holds any bytes; none are left in the set. */
  async writeAll(keys: Set<string>): Promise<void> {
    for (const text of keys) {
      const key = Buffer.from(text, 'latin1')
      this.#encoder.message({ key, value: null, headers: this.#headers })
      this.written += 1
      if (this.#encoder.bytes.length >= batchBytes) await this.#send()
    }
    await this.#send()
    keys.clear()
  }

  async #send(): Promise<void> {
    const { topic, partition } = this.#place
    if (this.#encoder.count === 0) return
    await this.#producer.append(topic, partition, this.#encoder)
    await this.#producer.commit()
    this.#encoder.restart(batchBytes)
  }
}
