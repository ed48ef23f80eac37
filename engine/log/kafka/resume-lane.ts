import type { KafkaAddress, LaneResume, LaneWriterOptions } from '../stream-log.ts'
import type { LaneProducer } from './lane-producer.ts'
import type { LaneHeaders } from './message-schemas.ts'
import { headersOf, isAboutSync } from './parse-message.ts'
import type { TopicPartition } from '../../../kafka/foreign-message.ts'
import type { PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { readSavedStates, type SeenStates } from './read-states.ts'
import { decideResume, mayContinueLog, newestStates, type LogStart } from './resume.ts'
import { stateMessage, statesPartition } from './saved-states.ts'

export interface ResumedLane {
  readonly resume: LaneResume
  readonly since: LogStart
}

/** Inspects the log after older writers were fenced, and decides where to continue (resume.ts). */
export async function resumeLane(lane: {
  readonly address: KafkaAddress
  readonly options: LaneWriterOptions
  readonly producer: LaneProducer
  /** The states that this thread has read. */
  readonly seen: SeenStates
}): Promise<ResumedLane> {
  const { address, options, producer, seen } = lane
  const { topic, partition, statesTopic } = address
  const fetcher = producer.fetcher(topic, partition)
  const [saved, high] = await Promise.all([
    readSavedStates(producer.fetcher(statesTopic, statesPartition), address, seen),
    fetcher.high(),
  ])
  const { syncId, attemptKeys, position, slices: checkpoints } = options
  const known = { topic, partition, syncId, attemptKeys, checkpoints, position, saved, high }
  const inLog = mayContinueLog(known)
    ? await readLog(fetcher, address, newestStates(known).start)
    : unread
  const facts = { ...known, ...inLog }
  const decision = decideResume(facts)
  const since = decision.since ?? { attempt: options.attempt, from: facts.high.toString() }
  if (decision.stale) {
    // The states in the log follow a position that this attempt leaves: they are overwritten, so that no
    // later attempt joins the two.
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

const noNeighbors: Neighbors = { before: 'none', first: 'none' }
/** The facts of a log that is not continued in any case. */
const unread = { ...noNeighbors, low: 0n }

async function readLog(
  fetcher: PartitionFetcher,
  lane: TopicPartition,
  position: bigint,
): Promise<Neighbors & { readonly low: bigint; readonly high: bigint }> {
  const { low, high } = await fetcher.bounds()
  return { low, high, ...(await readNeighbors(fetcher, lane, { position, low, high })) }
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
  if (position < low || position > high) return noNeighbors
  let before: Neighbors['before'] = 'none'
  let offset = position > low ? position - 1n : position
  while (offset < high) {
    const fetched = await fetcher.fetch(offset)
    if (fetched === 'lost') return noNeighbors
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
