import {
  ConnectError,
  streamIdOf,
  streamKey,
  streamLabel,
  type AirbyteCatalog,
  type StreamId,
} from '../../protocol/index.ts'
import { targetTopic } from '../../sinks/topic/topic-place.ts'
import type { ConnectionStore } from './contract.ts'
import type { DriftStore } from './drift/contract.ts'
import { isTopic, topicName } from './is-topic.ts'
import type { Connection } from './schema.ts'

interface Stores {
  readonly connections: Pick<ConnectionStore, 'list'>
  readonly drift: Pick<DriftStore, 'approved'>
}

const pageSize = 200

/**
 * Throws `destination_topic_shared` if another connection loads one of the topics: an overwrite of the one would delete the rows of the other. Of the others, the
 * streams count that were approved last.
 */
export async function requireFreeTopics(
  { name, destination }: Pick<Connection, 'name' | 'destination'>,
  streams: readonly StreamId[],
  stores: Stores,
): Promise<void> {
  const own = new Map(streams.map((stream) => [topicOf(destination, stream), stream]))
  for await (const other of allConnections(stores.connections)) {
    if (other.name === name || !isTopic(other.destination)) continue
    const approved = await stores.drift.approved(other.id)
    for (const stream of approved?.streams ?? []) {
      const topic = topicOf(other.destination, streamIdOf(stream))
      if (topic === undefined) continue
      const shared = own.get(topic)
      if (shared !== undefined)
        throw new ConnectError('destination_topic_shared', {
          details: {
            topic,
            stream: streamLabel(shared),
            // Its name is not for everybody.
            other: 'one of another connection',
            fix: 'Choose other names for the topics of this connection, such as `topic:shop2.{stream}`.',
          },
        })
    }
  }
}

/**
 * The same, of the streams of the catalog that are not approved yet: by a table that appears later, a connection must not get hold of the topic of another one. What
 * was approved has been looked at, and whoever came first keeps the topic.
 */
export async function requireFreeNewTopics(
  connection: Pick<Connection, 'id' | 'name' | 'destination'>,
  catalog: AirbyteCatalog,
  stores: Stores,
): Promise<void> {
  if (!isTopic(connection.destination)) return
  const approved = await stores.drift.approved(connection.id)
  const known = new Set(approved?.streams.map(streamKey))
  const fresh = catalog.streams.filter((stream) => !known.has(streamKey(stream))).map(streamIdOf)
  if (fresh.length > 0) await requireFreeTopics(connection, fresh, stores)
}

/** Undefined if no stream can be loaded there. */
function topicOf(destination: string, stream: StreamId): string | undefined {
  try {
    return targetTopic({ topic: topicName(destination) }, stream)
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'destination_topic_invalid')
      return undefined
    throw error
  }
}

async function* allConnections(
  connections: Stores['connections'],
): AsyncGenerator<Connection, void> {
  let cursor: string | null | undefined
  while (cursor !== null) {
    const page = await connections.list({
      limit: pageSize,
      ...(cursor !== undefined && { cursor }),
    })
    yield* page.items
    cursor = page.next
  }
}
