import { ConnectError } from '../../protocol/index.ts'
import type { PostgresConfig } from '../../sinks/postgres/postgres-place.ts'
import type { S3Config } from '../../sinks/s3/s3-place.ts'
import { type DestinationConfig, kindAt } from '../../sinks/registry.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import type { DataService, IfMissing } from '../platform/datasets/data-service.ts'
import { isReservedSchema } from '../../sinks/postgres/tables/schemas.ts'
import type { Connection } from './schema.ts'
import { bucketDestination } from './bucket-address.ts'
import { instanceDestination, type InstancePlaces } from './instance-address.ts'
import { topicDestination, type TopicSettings } from './topic-address.ts'

interface AddressRequest {
  /** For a dataset that does not exist yet; default: `create`. */
  readonly ifMissing?: IfMissing
}

/** Finds the place of a connection's rows: tables, or topics. */
export type DestinationOf = (
  connection: Pick<Connection, 'destination' | 'options'>,
  request?: AddressRequest,
) => Promise<DestinationConfig>

/** Finds the address of a destination that has tables. */
export type AddressOf = (destination: string, request?: AddressRequest) => Promise<PostgresConfig>

/** The servers that the operator's settings name. No request can name another server. */
export interface DestinationSettings {
  /** The Data service, or the one database whose schemas are the datasets. */
  readonly data: Datasets | PostgresAddress | undefined
  readonly postgres: Readonly<Record<string, PostgresAddress>>
}

type Datasets = Pick<DataService, 'find'>

type KnownPlaces = DestinationSettings & {
  readonly kafka: TopicSettings | undefined
  readonly buckets: readonly S3Config[]
  readonly instances: InstancePlaces
}

type Finder = (
  connection: Pick<Connection, 'destination' | 'options'>,
  places: KnownPlaces,
  request?: AddressRequest,
) => Promise<DestinationConfig>

/**
 * Where the rows of a connection go: ask whenever something begins, and never store it. Throws
 * `destination_invalid`, `destination_not_available`, and what the Data service throws.
 */
export async function findDestination(
  connection: Pick<Connection, 'destination' | 'options'>,
  places: KnownPlaces,
  request?: AddressRequest,
): Promise<DestinationConfig> {
  const { destination } = connection
  const find = finders[kindAt(destination)?.type ?? '']
  if (find !== undefined) return find(connection, places, request)
  return destinationAddress(destination, places, request)
}

/** The types whose places are more than the address of a database. */
const finders: Readonly<Record<string, Finder>> = {
  instance: (connection, { instances }) => instanceDestination(connection, instances),
  s3: ({ destination }, { buckets }) => Promise.resolve(bucketDestination(destination, buckets)),
  topic: (connection, { kafka }) => Promise.resolve(topicDestination(connection, kafka)),
}

/**
 * The address of the tables that a connection's `destination` refers to, for everything that works at it: ask
 * whenever something begins, and never store it. Throws `destination_invalid`, `destination_not_available`,
 * and what the Data service throws.
 */
export async function destinationAddress(
  destination: string,
  places: DestinationSettings,
  { ifMissing = 'create' }: AddressRequest = {},
): Promise<PostgresConfig> {
  const colon = destination.indexOf(':')
  const kind = destination.slice(0, Math.max(colon, 0))
  const name = destination.slice(colon + 1)
  if (kind === 'data') return dataset({ destination, name, ifMissing }, places.data)
  if (kind === 'postgres') return namedPostgres(destination, name, places.postgres)
  const other = kindAt(destination)
  if (other !== undefined && finders[other.type] !== undefined)
    throw notAvailable(
      destination,
      `it has ${other.words.places}, and this needs tables`,
      'Use a connection to `data:DATASET` or `postgres:NAME`.',
    )
  if (kind === 'file')
    throw notAvailable(
      destination,
      'only run files have folders as a destination',
      'Use `data:DATASET`, `postgres:NAME`, `topic:NAME` or `s3:BUCKET/PREFIX`, or a run file with `type: file`.',
    )
  throw invalidDestination(
    destination,
    'it does not begin with `data:`, `postgres:`, `topic:`, `s3:` or `instance:`',
  )
}

interface DatasetRequest {
  readonly destination: string
  readonly name: string
  readonly ifMissing: IfMissing
}

const datasetName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

async function dataset(
  request: DatasetRequest,
  data: DestinationSettings['data'],
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

/** The destination of a connection that is created without one: the dataset of its name. */
export function defaultDestination(connection: string): string {
  return `data:${datasetNear(connection)}`
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
  places: DestinationSettings['postgres'],
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

function invalidDestination(destination: string, problem: string): ConnectError {
  return new ConnectError('destination_invalid', { details: { destination, problem } })
}

function notAvailable(destination: string, reason: string, fix: string): ConnectError {
  return new ConnectError('destination_not_available', { details: { destination, reason, fix } })
}
