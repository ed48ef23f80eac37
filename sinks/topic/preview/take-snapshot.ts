import type { Logger } from 'pino'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import type { KafkaAdmin } from '../../../kafka/make-topic.ts'
import { streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { CheckpointReader } from '../bookkeeping/checkpoint-reader.ts'
import type { Checkpoints } from '../bookkeeping/checkpoints.ts'
import type { CheckpointRecord } from '../bookkeeping/records.ts'
import { checkpointTopic } from '../own-names.ts'
import { countsByKey } from '../sync/topic-mode.ts'
import { targetTopic, type TopicPlace } from '../topic-place.ts'
import { describeTarget } from '../topics/ensure-topics.ts'
import type { TargetTopic } from '../topics/target-topic.ts'
import type { TopicSnapshot } from './topic-snapshot.ts'

interface SnapshotOptions {
  readonly place: TopicPlace
  readonly connection: string
  readonly streams: readonly SinkStream[]
  readonly logger: Logger
}

/** A run that has left a transaction open hides what it wrote since: its checkpoints before that count. */
const hiddenMs = 2_000
/** `max.message.bytes` of a topic that is not there yet: Kafka's default, rounded down. */
const newTopicBytes = 1024 * 1024

/**
 * Only reads: nothing is made, written or fenced. Throws `destination_topic_invalid` if a topic cannot be
 * named.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<TopicSnapshot> {
  const { place, connection, streams, logger } = options
  const { servers } = place
  const admin = kafkaClient(servers, logger).admin()
  await using sessions = new ClusterSessions()
  try {
    await admin.connect()
    const existing = new Set(await admin.listTopics())
    const targets: Record<string, TargetTopic> = {}
    for (const sink of streams) {
      const topic = targetTopic(place, streamIdOf(sink.stream.stream))
      targets[topic] ??= existing.has(topic)
        ? await describe({ admin, servers, sessions, logger }, topic)
        : newTarget(place, sink)
    }
    const hasCheckpoints = existing.has(checkpointTopic(connection))
    return { place, targets, checkpoints: hasCheckpoints ? await readCheckpoints(options) : [] }
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
  } finally {
    await admin.disconnect()
  }
}

async function describe(kafka: KafkaAdmin, topic: string): Promise<TargetTopic> {
  return { ...(await describeTarget(kafka, topic)), isNew: false }
}

function newTarget({ partitions }: TopicPlace, sink: SinkStream): TargetTopic {
  return {
    isNew: true,
    id: undefined,
    partitions,
    policy: countsByKey(sink) ? 'compact' : 'delete',
    maxMessageBytes: newTopicBytes,
    starts: Array.from({ length: partitions }, () => '0'),
    ends: Array.from({ length: partitions }, () => '0'),
  }
}

async function readCheckpoints({
  place: { servers },
  connection,
  logger,
}: SnapshotOptions): Promise<readonly CheckpointRecord[]> {
  await using reader = await CheckpointReader.open({ servers, connection, logger })
  await reader.catchUp(hiddenMs)
  return recordsOf(reader.checkpoints)
}

function recordsOf(checkpoints: Checkpoints): readonly CheckpointRecord[] {
  const { run } = checkpoints
  return [
    ...(run === undefined ? [] : [{ kind: 'run', value: run } as const]),
    ...checkpoints
      .streams()
      .flatMap(({ id: stream, record, slices, positions }) => [
        { kind: 'stream', stream, value: record } as const,
        ...[...slices].map(([slice, value]) => ({ kind: 'slice', stream, slice, value }) as const),
        ...[...positions].map(
          ([partition, value]) => ({ kind: 'position', stream, partition, value }) as const,
        ),
      ]),
  ]
}
