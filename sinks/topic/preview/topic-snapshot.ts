import { createHash } from 'node:crypto'
import type { StreamId } from '../../../protocol/index.ts'
import { Checkpoints } from '../bookkeeping/checkpoints.ts'
import type { CheckpointRecord } from '../bookkeeping/records.ts'
import { targetTopic, type TopicPlace } from '../topic-place.ts'
import type { TargetTopic } from '../topics/target-topic.ts'

/**
 * The state that a run into topics would begin with: its checkpoints, and its topics as they are or as they
 * would be created. Plain data: it crosses a thread. Contains the secrets of the place: never log it.
 */
export interface TopicSnapshot {
  readonly place: TopicPlace
  readonly checkpoints: readonly CheckpointRecord[]
  /** By name. */
  readonly targets: Readonly<Record<string, TargetTopic>>
}

/**
 * Equal as long as a run would begin in the same way: the same topics, settings and checkpoints. New rows in
 * the topics do not matter.
 */
export function snapshotFingerprint({ place, checkpoints, targets }: TopicSnapshot): string {
  const { servers, topic, format, registry } = place
  const shapes = Object.entries(targets).map(
    ([name, { isNew, partitions, policy, maxMessageBytes }]) => {
      return [name, isNew, partitions, policy, maxMessageBytes]
    },
  )
  const facts = {
    place: [servers.brokers, topic, format, registry?.url],
    topics: shapes,
    checkpoints: checkpoints.filter(({ kind }) => kind !== 'position'),
  }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

/** As a run reads them. */
export function checkpointsIn({ checkpoints }: TopicSnapshot): Checkpoints {
  const read = new Checkpoints()
  for (const record of checkpoints) read.apply(record)
  return read
}

/** Returns the part that a lane of the stream needs: it is copied for each lane. */
export function snapshotFor(snapshot: TopicSnapshot, stream: StreamId): TopicSnapshot {
  const { topic, target } = targetIn(snapshot, stream)
  const checkpoints = snapshot.checkpoints.filter(
    (record) =>
      record.kind !== 'run' &&
      record.stream.name === stream.name &&
      record.stream.namespace === stream.namespace,
  )
  return { ...snapshot, checkpoints, targets: { [topic]: target } }
}

/** The topic of a stream of the snapshot. */
export function targetIn(
  { place, targets }: TopicSnapshot,
  stream: StreamId,
): { readonly topic: string; readonly target: TargetTopic } {
  const topic = targetTopic(place, stream)
  const target = targets[topic]
  if (target === undefined) throw new TypeError(`topic ${topic} is not in the snapshot`)
  return { topic, target }
}
