import {
  type IfMissing,
  invalidDestination,
  type KnownPlaces,
  notAvailable,
  type TablePlaces,
} from '../../sinks/connection-form.ts'
import type { DestinationKind } from '../../sinks/destination-kind.ts'
import { findTables } from '../../sinks/postgres/connection-form.ts'
import type { PostgresConfig } from '../../sinks/postgres/postgres-place.ts'
import { connectionAddresses, type DestinationConfig, kindAt } from '../../sinks/registry.ts'
import type { Connection } from './schema.ts'

interface AddressRequest {
  /** For a dataset that does not exist yet; default: `create`. */
  readonly ifMissing?: IfMissing
}

/** Finds the place of a connection's rows. */
export type DestinationOf = (
  connection: Pick<Connection, 'destination' | 'options'>,
  request?: AddressRequest,
) => Promise<DestinationConfig>

/** Finds the address of a destination that has tables. */
export type AddressOf = (destination: string, request?: AddressRequest) => Promise<PostgresConfig>

/**
 * Where the rows of a connection go: ask whenever something begins, and never store it. Throws
 * `destination_invalid`, `destination_not_available`, and what the Data service throws.
 */
export async function findDestination(
  connection: Pick<Connection, 'destination' | 'options'>,
  places: KnownPlaces,
  { ifMissing = 'create' }: AddressRequest = {},
): Promise<DestinationConfig> {
  const { connection: form } = requireKind(connection.destination)
  return form.find(connection, { places, ifMissing })
}

/**
 * The address of the tables that a connection's `destination` refers to, for everything that works at it: ask
 * whenever something begins, and never store it. Throws as `findDestination` does.
 */
export async function destinationAddress(
  destination: string,
  places: TablePlaces,
  { ifMissing = 'create' }: AddressRequest = {},
): Promise<PostgresConfig> {
  const { capabilities, words } = requireKind(destination)
  if (capabilities.tables) return findTables(destination, places, ifMissing)
  const addresses = connectionAddresses((kind) => kind.capabilities.tables)
  throw notAvailable(
    destination,
    `it has ${words.places}, and this needs tables`,
    `Use a connection to ${addresses.join(' or ')}.`,
  )
}

type ConnectedKind = DestinationKind<DestinationConfig> &
  Required<Pick<DestinationKind<DestinationConfig>, 'connection'>>

/** The kind of destination that an address names. */
function requireKind(destination: string): ConnectedKind {
  const kind = kindAt(destination)
  if (hasAddresses(kind)) return kind
  const addresses = connectionAddresses().join(', ')
  if (kind === undefined) throw invalidDestination(destination, `it is none of ${addresses}`)
  throw notAvailable(
    destination,
    `only run files have ${kind.words.places} as a destination`,
    `Use one of ${addresses}, or a run file.`,
  )
}

function hasAddresses(kind: DestinationKind<DestinationConfig> | undefined): kind is ConnectedKind {
  return kind?.connection !== undefined
}
