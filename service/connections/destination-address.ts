import { ConnectError } from '../../protocol/index.ts'
import type { DestinationConfig } from '../../engine/run-types.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import { isReservedSchema } from '../../sinks/postgres/tables/schemas.ts'

/** The databases in the operator's settings: no request can name another server. */
export interface DestinationSettings {
  /** The database of the Data service: its datasets are schemas. */
  readonly data: PostgresAddress | undefined
  readonly postgres: Readonly<Record<string, PostgresAddress>>
}

/** The address that a connection's `destination` refers to. Throws `destination_invalid`, `destination_not_available`. */
export function destinationAddress(
  destination: string,
  places: DestinationSettings,
): DestinationConfig {
  const colon = destination.indexOf(':')
  const kind = destination.slice(0, Math.max(colon, 0))
  const name = destination.slice(colon + 1)
  if (kind === 'data') return dataset(destination, name, places.data)
  if (kind === 'postgres') return namedPostgres(destination, name, places.postgres)
  if (['s3', 'instance', 'topic'].includes(kind)) {
    throw new ConnectError('destination_not_available', {
      details: {
        destination,
        reason: `${kind}: destinations are not in this version`,
        fix: 'Use `data:DATASET` or `postgres:NAME`.',
      },
    })
  }
  throw invalidDestination(destination, 'it does not begin with `data:` or `postgres:`')
}

function dataset(
  destination: string,
  name: string,
  address: PostgresAddress | undefined,
): DestinationConfig {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name))
    throw invalidDestination(
      destination,
      `a dataset is letters, digits and \`_\`, at most 63${suggestion(name)}`,
    )
  if (isReservedSchema(name)) throw invalidDestination(destination, 'the name is reserved')
  if (address !== undefined) return { type: 'postgres', address, schema: name }
  throw new ConnectError('destination_not_available', {
    details: {
      destination,
      reason: 'the database of the Data service is not set',
      fix: 'Set `REACTOR_CONNECT_DATA_DATABASE_URL`, or `data.database_url` below `[connect]`.',
    },
  })
}

/** Names of connections may have `-`, names of schemas may not. */
function suggestion(name: string): string {
  const near = name
    .replaceAll(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(0, 63)
  return /^_*$/.test(near) || isReservedSchema(near) ? '' : `. Did you mean \`data:${near}\`?`
}

function namedPostgres(
  destination: string,
  name: string,
  places: DestinationSettings['postgres'],
): DestinationConfig {
  if (!/^[a-z0-9][a-z0-9_]{0,62}$/.test(name))
    throw invalidDestination(destination, 'a name is small letters, digits and `_`, at most 63')
  const address = Object.hasOwn(places, name) ? places[name] : undefined
  if (address !== undefined) return { type: 'postgres', address }
  throw new ConnectError('destination_not_available', {
    details: {
      destination,
      reason: 'the settings name no such PostgreSQL',
      fix: `Set \`REACTOR_CONNECT_POSTGRES_${name.toUpperCase()}_URL\`, or \`[connect.postgres.${name}]\`.`,
    },
  })
}

function invalidDestination(destination: string, problem: string): ConnectError {
  return new ConnectError('destination_invalid', { details: { destination, problem } })
}
