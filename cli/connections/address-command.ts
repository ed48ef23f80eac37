import { isLoopback } from '../../lib/net/loopback.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { destinationAddress } from '../../service/connections/destination-address.ts'
import { kindAt } from '../../sinks/registry.ts'
import { connectionDocument } from '../../service/connections/schema.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { embeddedDataAddress } from '../../service/serve/databases.ts'
import { openDataService } from '../../service/serve/open-data-service.ts'
import { readLocalService } from '../../service/serve/local-service-file.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { usageError } from '../usage-error.ts'

/**
 * The address of a connection's tables, as a URL for psql. It never has the password: others see what is on a
 * command line.
 */
export async function showAddress(context: CommandContext, name: string): Promise<number> {
  const { client, output, environment } = context
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name) },
    connectionDocument,
  )
  const { destination } = document
  const kind = kindAt(destination)
  if (kind !== undefined && !kind.capabilities.tables)
    throw usageError(
      `The rows of ${name} are in ${kind.words.places} (${destination.slice(destination.indexOf(':') + 1)}), which have no address for psql`,
      kind.words.readRows,
    )
  const settings = loadSettings({ environment })
  await requireServiceHere(context, settings)
  const { address, schema, passwordFile } = await findTables(destination, settings)
  const url = addressUrl(address, { schema, passwordFile })
  const { host, port, database, user } = address
  const json = { destination, host, port, database, user, schema, password_file: passwordFile, url }
  await showResult(output, json, () => `${url}\n`)
  if (passwordFile === null && !output.json)
    output.screen.line('note: it has no password; set PGPASSWORD, or have a line in ~/.pgpass')
  if (passwordFile !== null && (environment.PGPASSWORD ?? '') !== '')
    output.screen.line(
      'note: PGPASSWORD is set, and psql takes it in place of the password file: `unset PGPASSWORD`',
    )
  return exitCodes.complete
}

interface Tables {
  readonly address: PostgresAddress
  /** Null if the streams decide. */
  readonly schema: string | null
  /** Null if the password is not in a file that the service made. */
  readonly passwordFile: string | null
}

async function findTables(destination: string, settings: Settings): Promise<Tables> {
  const { databaseUrl, dataDatabaseUrl, postgres } = settings
  const service = openDataService(settings, Date.now)
  const isEmbedded =
    destination.startsWith('data:') &&
    [databaseUrl, dataDatabaseUrl, service].every((place) => place === undefined)
  const embedded = isEmbedded ? await readEmbedded(settings) : undefined
  if (isEmbedded && embedded === undefined)
    throw usageError(
      `No PostgreSQL of a service runs with the data folder ${settings.dataDir}`,
      'Start the service, or name its data folder with REACTOR_CONNECT_DATA_DIR.',
    )
  const data = service ?? embedded?.address ?? dataDatabaseUrl
  const { address, schema } = await destinationAddress(
    destination,
    { data, postgres },
    { ifMissing: 'fail' },
  )
  return { address, schema: schema ?? null, passwordFile: embedded?.passwordFile ?? null }
}

async function readEmbedded(settings: Settings): ReturnType<typeof embeddedDataAddress> {
  try {
    return await embeddedDataAddress(settings)
  } catch (error) {
    if (errorCodeOf(error) !== 'EACCES') throw error
    throw usageError(
      `The data folder ${settings.dataDir} is for the user of the service alone`,
      'Run the command as that user.',
      error,
    )
  }
}

/** The settings here are those of the service on this machine, and say nothing of another one. */
async function requireServiceHere(
  { service }: CommandContext,
  { dataDir }: Settings,
): Promise<void> {
  const local = await readLocalService(dataDir).catch(() => undefined)
  if (local !== undefined && isSameService(local.url, service.url)) return
  throw usageError(
    `The service at ${service.url} is not the one of this machine with the data folder ${dataDir}, and only that machine knows where its tables are`,
    'Run the command on the machine of the service, with the same REACTOR_CONNECT_DATA_DIR and settings, or ask its operator.',
  )
}

function isSameService(first: string, second: string): boolean {
  const [left, right] = [new URL(first), new URL(second)]
  const isOneHost =
    left.hostname === right.hostname || (isLoopback(left.hostname) && isLoopback(right.hostname))
  return isOneHost && left.port === right.port
}

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS */
function addressUrl(
  { host, port, database, user, ssl }: PostgresAddress,
  { schema, passwordFile }: Pick<Tables, 'schema' | 'passwordFile'>,
): string {
  const parameters = Object.entries({
    sslmode: ssl === 'disable' ? null : ssl,
    passfile: passwordFile,
    options: schema === null ? null : `-csearch_path=${schemaName(schema)}`,
  }).flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeURIComponent(value)}`]))
  const place = host.includes(':') ? `[${host}]` : encodeURIComponent(host)
  const start = `postgres://${encodeURIComponent(user)}@${place}:${String(port)}`
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `${start}/${encodeURIComponent(database)}${query}`
}

function schemaName(schema: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(schema) ? schema : quoteIdentifier(schema)
}
