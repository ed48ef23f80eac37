import type { Connector, ConnectorContext, ReadSession } from '../../connectors/connector.ts'
import type { StreamId } from '../../protocol/index.ts'
import type { SourceConfig } from '../run-types.ts'

/** Events are no part of the source's slices: they are loaded as one. */
const eventsSession: ReadSession = {
  shared: null,
  plan: () => Promise.resolve([{ slice: '', state: null }]),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

/** Throws what the connector throws if the source cannot be reached. */
export function openSession(
  connector: Connector,
  { config, events }: SourceConfig,
  context: ConnectorContext,
  streams: readonly StreamId[],
): Promise<ReadSession> {
  return events === undefined
    ? connector.openRead(config, context, streams)
    : Promise.resolve(eventsSession)
}
