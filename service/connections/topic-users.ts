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
import type { Connection, ConnectionSummary } from './schema.ts'

interface ConnectionStores {
  readonly connections: Pick<ConnectionStore, 'list'>
  readonly drift: Pick<DriftStore, 'approved'>
}

/** Receivers of webhooks. The text of a target `topic:NAME` is that of a destination. */
export interface EventTargets {
  all(): Promise<readonly { readonly dispatch: readonly { readonly target: string }[] }[]>
}

interface Stores extends ConnectionStores {
  readonly receivers: EventTargets
}

const pageSize = 200

/**
 * Throws `destination_topic_shared` if another connection loads one of the topics, or webhooks write events
 * into it: an overwrite by the one would delete the rows of the other, and no reader of rows understands
 * events. For other connections, the streams that were approved last count.
 */
export async function requireFreeTopics(
  { name, destination }: Pick<Connection, 'name' | 'destination'>,
  streams: readonly StreamId[],
  stores: Stores,
): Promise<void> {
  const own = new Map(streams.map((stream) => [topicOf(destination, stream), stream]))
  // Its name is not for everybody.
  for await (const topic of loadedTopics(stores, { except: name }))
    refuseShared(own.get(topic), { topic, other: 'one of another connection' })
  if (!isTopic(destination)) return
  for (const topic of await eventTopics(stores))
    refuseShared(own.get(topic), { topic, other: 'the events of a receiver of webhooks' })
}

function refuseShared(
  stream: StreamId | undefined,
  facts: { readonly topic: string; readonly other: string },
): void {
  if (stream === undefined) return
  const fix =
    'Choose other names for the topics of this connection, such as `topic:shop2.{stream}`.'
  const details = { ...facts, stream: streamLabel(stream), fix }
  throw new ConnectError('destination_topic_shared', { details })
}

/** Whether rows of a connection go into the topic. */
export async function isLoadedTopic(name: string, stores: ConnectionStores): Promise<boolean> {
  for await (const topic of loadedTopics(stores)) if (topic === name) return true
  return false
}

/** The topics of the streams that were approved, and those whose name is in the destination itself. */
async function* loadedTopics(
  { connections, drift }: ConnectionStores,
  { except }: { readonly except?: string } = {},
): AsyncGenerator<string, void> {
  for await (const { id, name, destination } of allConnections(connections)) {
    if (name === except || !isTopic(destination)) continue
    const approved = await drift.approved(id)
    for (const stream of approved?.streams ?? []) {
      const topic = topicOf(destination, streamIdOf(stream))
      if (topic !== undefined) yield topic
    }
    if (approved === null) yield topicName(destination)
  }
}

async function eventTopics({ receivers }: Stores): Promise<ReadonlySet<string>> {
  const targets = (await receivers.all()).flatMap(({ dispatch }) => dispatch)
  return new Set(
    targets
      .map(({ target }) => target)
      .filter(isTopic)
      .map(topicName),
  )
}

/**
 * The same for the streams of the catalog that are not approved yet: through a table that appears later, a
 * connection must not get hold of the topic of another one. Approved streams have been checked, and the first
 * connection stays the user of the topic.
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
  connections: ConnectionStores['connections'],
): AsyncGenerator<ConnectionSummary, void> {
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
