import { isSameDatabase, type PostgresDatabase } from '../../postgres/address.ts'
import { ConnectError, streamIdOf, streamLabel } from '../../protocol/index.ts'
import { allModes, type DestinationKind } from '../destination-kind.ts'
import type { SinkStream } from '../sink.ts'
import { tablesForm } from './connection-form.ts'
import type { PostgresConfig } from './postgres-place.ts'

const importDestination = () => import('./postgres-destination.ts')
const importLane = () => import('./load/postgres-lane.ts')

export const postgresKind: DestinationKind<PostgresConfig> = {
  type: 'postgres',
  schemes: ['data', 'postgres'],
  options: [],
  capabilities: {
    modes: allModes,
    copyRows: true,
    lanesReopen: true,
    stages: true,
    tables: true,
    mergesByCursor: true,
  },
  words: { places: 'tables', readRows: 'Query them with psql.', stays: 'its tables stay' },
  preload: () => {
    importDestination().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config, { logger, givenUp }) => {
    const { openPostgresDestination } = await importDestination()
    return openPostgresDestination({ ...config, logger }, givenUp)
  },
  preloadLane: () => {
    importLane().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, { sync, partition, logger }) => {
    const { openPostgresLane } = await importLane()
    return openPostgresLane({ ...config, logger }, sync, partition)
  },
  // The table of a sandbox is dropped with it.
  rejections: ({ bookkeeping }) =>
    bookkeeping === undefined ? 'the table reactor_connect.rejected_records' : undefined,
  refusal: (config, stream, { source }) => ownSourceRefusal(config, stream, source),
  texts: ({ address: { password, host, user, database }, schema }) => ({
    secrets: [password],
    names: [host, user, database, schema],
  }),
  login: ({ address }) => address,
  sandbox: {
    shows: 'tables',
    fingerprint: async (config, { streams }) => {
      const { destinationFingerprint } = await import('./sandbox/fingerprint.ts')
      return destinationFingerprint(config, streams)
    },
    drop: async (config, id) => {
      const { dropSandboxSchema } = await import('./sandbox/sandbox-schema.ts')
      await dropSandboxSchema(config, id)
    },
  },
  connection: tablesForm,
  runFile: async () => {
    const { postgresForm } = await import('./run-file-form.ts')
    return postgresForm
  },
}

/** A stream that would be loaded into the very table that it is read from. */
function ownSourceRefusal(
  { address, schema }: PostgresConfig,
  { stream }: Pick<SinkStream, 'stream'>,
  source: PostgresDatabase | undefined,
): ConnectError | undefined {
  if (source === undefined || !isSameDatabase(source, address)) return undefined
  const { namespace = 'public', name } = streamIdOf(stream.stream)
  const table = stream.destination_object_name ?? name
  if (table !== name || (schema ?? namespace) !== namespace) return undefined
  const details = { stream: streamLabel(stream.stream) }
  return new ConnectError('destination_is_source', { details })
}
