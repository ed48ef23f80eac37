import { ConnectError } from '../protocol/index.ts'
import type { Connector } from './connector.ts'
import { fakerConnector } from './faker/connector.ts'
import { postgresConnector } from './postgres/connector.ts'

const connectors: ReadonlyMap<string, Connector> = new Map(
  [fakerConnector, postgresConnector].map((connector) => [connector.descriptor.type, connector]),
)

/** The connector of a type, on any thread: a read worker finds it by the type alone. Throws `unknown_connector`. */
export function connectorOf(type: string): Connector {
  const connector = connectors.get(type)
  if (connector !== undefined) return connector
  const known = connectorTypes().join(', ')
  throw new ConnectError('unknown_connector', { details: { type, known } })
}

/** Every type that `connectorOf` knows, sorted. */
export function connectorTypes(): readonly string[] {
  return [...connectors.keys()].sort()
}
