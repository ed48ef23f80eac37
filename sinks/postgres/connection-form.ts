import {
  type ConnectionForm,
  type Datasets,
  type IfMissing,
  invalidDestination,
  notAvailable,
  type TablePlaces,
} from '../connection-form.ts'
import type { PostgresConfig } from './postgres-place.ts'
import { isReservedSchema } from './tables/schemas.ts'

export const tablesForm: ConnectionForm<PostgresConfig> = {
  addresses: ['data:DATASET', 'postgres:NAME'],
  defaultAddress: (connection) => `data:${datasetNear(connection)}`,
  find: ({ destination }, { places, ifMissing }) => findTables(destination, places, ifMissing),
}

/** As `ConnectionForm.find`. */
export async function findTables(
  destination: string,
  places: TablePlaces,
  ifMissing: IfMissing,
): Promise<PostgresConfig> {
  const colon = destination.indexOf(':')
  const name = destination.slice(colon + 1)
  return destination.slice(0, colon) === 'data'
    ? dataset({ destination, name, ifMissing }, places.data)
    : namedPostgres(destination, name, places.postgres)
}

interface DatasetRequest {
  readonly destination: string
  readonly name: string
  readonly ifMissing: IfMissing
}

const datasetName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

async function dataset(
  request: DatasetRequest,
  data: TablePlaces['data'],
): Promise<PostgresConfig> {
  const { destination, name } = request
  if (!datasetName.test(name))
    throw invalidDestination(
      destination,
      `a dataset is letters, digits and \`_\`, at most 63${suggestion(name)}`,
    )
  if (isReservedSchema(name)) throw invalidDestination(destination, 'the name is reserved')
  if (data === undefined)
    throw notAvailable(
      destination,
      'the settings name neither a Data service nor its database',
      'Use a destination `postgres:NAME`, or set `REACTOR_CONNECT_DATA_URL` or `REACTOR_CONNECT_DATA_DATABASE_URL`.',
    )
  if (!('find' in data)) return { type: 'postgres', address: data, schema: name }
  return datasetOfService(request, data)
}

async function datasetOfService(
  { destination, name, ifMissing }: DatasetRequest,
  data: Datasets,
): Promise<PostgresConfig> {
  const place = await data.find(name, ifMissing)
  if (place === undefined)
    throw notAvailable(
      destination,
      'the Data service has no such dataset',
      'Run the connection, which creates the dataset, or create it at the Data service.',
    )
  const { address, schema = name } = place
  if (datasetName.test(schema) && !isReservedSchema(schema))
    return { type: 'postgres', address, schema }
  throw notAvailable(
    destination,
    'the Data service gave it a schema whose name is reserved, or has other characters than letters, digits and `_`',
    'Give the dataset another schema at the Data service: docs/data.md says which names are allowed.',
  )
}

function suggestion(name: string): string {
  const near = datasetNear(name)
  return /^_*$/.test(near) || isReservedSchema(near) ? '' : `. Did you mean \`data:${near}\`?`
}

/** Names of connections may have `-`, names of schemas may not. */
function datasetNear(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(0, 63)
}

function namedPostgres(
  destination: string,
  name: string,
  places: TablePlaces['postgres'],
): PostgresConfig {
  if (!/^[a-z0-9][a-z0-9_]{0,62}$/.test(name))
    throw invalidDestination(destination, 'a name is small letters, digits and `_`, at most 63')
  const address = Object.hasOwn(places, name) ? places[name] : undefined
  if (address !== undefined) return { type: 'postgres', address }
  throw notAvailable(
    destination,
    'the settings name no such PostgreSQL',
    `Set \`REACTOR_CONNECT_POSTGRES_${name.toUpperCase()}_URL\`, or \`[connect.postgres.${name}]\`.`,
  )
}
