import type { Logger } from 'pino'
import type { KafkaAddress, LaneResume, LaneWriterOptions } from '../stream-log.ts'
import type { LaneProducer } from './lane-producer.ts'
import type { LaneHeaders } from './message-schemas.ts'
import { headersOf, isAboutSync } from './parse-message.ts'
import type { TopicPartition } from '../../../kafka/foreign-message.ts'
import { PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { decideResume, newestStates, type LogStart } from './resume.ts'
import { readSavedStates, stateMessage } from './saved-states.ts'

export interface ResumedLane {
  readonly resume: LaneResume
  readonly since: LogStart
}

/** Inspects the log after older writers were fenced, and decides where to continue (resume.ts). */
export async function resumeLane(lane: {
  readonly address: KafkaAddress
  readonly options: LaneWriterOptions
  readonly producer: LaneProducer
  readonly logger: Logger
}): Promise<ResumedLane> {
  const { address, options, producer, logger } = lane
  const { topic, partition } = address
  const saved = await readSavedStates(
    { servers: address, topic: address.statesTopic, logger },
    address,
  )
  await using fetcher = await PartitionFetcher.open({ servers: address, topic, partition, logger })
  const { low, high } = await fetcher.bounds()
  const { syncId, attemptKeys, position, slices: checkpoints } = options
  const { start } = newestStates({
    saved,
    syncId,
    attemptKeys,
    partition,
    position,
    checkpoints,
  })
  const decision = decideResume({
    topic,
    partition,
    syncId,
    attemptKeys,
    checkpoints,
    position,
    saved,
    low,
    high,
    ...(await readNeighbors(fetcher, address, { position: start, low, high })),
  })
  const since = decision.since ?? { attempt: options.attempt, from: high.toString() }
  if (decision.stale) {
    // The states in the log follow a position that this attempt leaves: they are overwritten, so that no later attempt joins the two.
    const { attempt } = options
    const attemptKey = attemptKeys.at(-1)
    const made = { partition, syncId, attempt, attemptKey, since: since.attempt, from: since.from }
    const reset = checkpoints.map(({ slice, seq, state, complete }) =>
      stateMessage({ slice, ...made, seq, state, complete }, address),
    )
    await producer.sendStates(reset)
    await producer.commit()
  }
  return { resume: decision.resume, since }
}

interface Neighbors {
  readonly before: LaneHeaders | 'foreign' | 'none'
  readonly first: LaneHeaders | 'foreign' | 'none'
}

interface Bounds {
  readonly position: bigint
  readonly low: bigint
  readonly high: bigint
}

/** The committed message right before a position, and the lane's first one from it on. */
async function readNeighbors(
  fetcher: PartitionFetcher,
  lane: TopicPartition,
  { position, low, high }: Bounds,
): Promise<Neighbors> {
  if (position < low || position > high) return { before: 'none', first: 'none' }
  let before: Neighbors['before'] = 'none'
  let offset = position > low ? position - 1n : position
  while (offset < high) {
    const fetched = await fetcher.fetch(offset)
    if (fetched === 'lost') return { before: 'none', first: 'none' }
    for await (const message of fetcher.messages(fetched.batches)) {
      const headers = headersOf(message, lane) ?? 'foreign'
      // Between the lane's messages, wherever an attempt began or the sync ended.
      if (headers !== 'foreign' && isAboutSync(headers)) continue
      if (message.offset >= position) return { before, first: headers }
      if (message.offset === position - 1n) before = headers
    }
    offset = fetched.next
  }
  return { before, first: 'none' }
}
