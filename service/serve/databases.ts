import { join } from 'node:path'
import type { Settings } from '../platform/config/settings.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import { ensureDatabase } from '../platform/postgres/ensure-database.ts'
import { readEmbeddedLogin } from '../platform/postgres/embedded-login.ts'
import { startEmbeddedPostgres } from '../platform/postgres/embedded-postgres.ts'

/** Where the service's PostgreSQL databases are. */
export interface Databases extends AsyncDisposable {
  readonly metadataUrl: string
  /** For destinations `data:DATASET`; undefined if the settings name a Data service, or nothing. */
  readonly data: PostgresAddress | undefined
  /** The PostgreSQL that this process started. */
  readonly isEmbedded: boolean
  /**
   * Resolves if there is nothing to watch, or the signal is aborted. Throws `embedded_postgres_failed` if the
   * PostgreSQL of this process ends before that.
   */
  watch(signal: AbortSignal): Promise<void>
}

/** The database for datasets in the PostgreSQL in the data folder. */
const dataDatabase = 'data'

/**
 * The database for `data:DATASET` of a service that runs with this data folder; undefined if none does.
 * Without a password.
 */
export async function embeddedDataAddress({
  dataDir,
}: Pick<Settings, 'dataDir'>): Promise<
  { readonly address: PostgresAddress; readonly passwordFile: string } | undefined
> {
  const login = await readEmbeddedLogin(embeddedFolder(dataDir))
  if (login === undefined) return undefined
  const { passwordFile, ...place } = login
  return { address: { ...place, database: dataDatabase, ssl: 'disable' }, passwordFile }
}

function embeddedFolder(dataDir: string): string {
  return join(dataDir, 'postgres')
}

/**
 * The databases of the settings; if they name no metadata database, a PostgreSQL in the data folder is
 * started.
 */
export async function openDatabases(settings: Settings): Promise<Databases> {
  if (settings.databaseUrl !== undefined) {
    return {
      metadataUrl: settings.databaseUrl,
      data: settings.dataDatabaseUrl,
      isEmbedded: false,
      watch: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const server = await startEmbeddedPostgres({ dataDir: embeddedFolder(settings.dataDir) })
  try {
    const metadata = await ensureDatabase(server.address, 'connect')
    const data = await embeddedData(settings, server.address)
    return {
      metadataUrl: urlOf(metadata),
      data,
      isEmbedded: true,
      watch: (signal) => server.watch(signal),
      [Symbol.asyncDispose]: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The Data service of the settings has the datasets, so no database is made for them. */
async function embeddedData(
  { dataUrl, dataDatabaseUrl }: Settings,
  server: Parameters<typeof ensureDatabase>[0],
): Promise<PostgresAddress | undefined> {
  if (dataUrl !== undefined) return undefined
  return dataDatabaseUrl ?? ensureDatabase(server, dataDatabase)
}

function urlOf({ host, port, user, password = '', database }: PostgresAddress): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return `postgres://${login}@${host}:${String(port)}/${database}`
}
