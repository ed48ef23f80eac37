import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { ObjectStorage } from '../../storage/object-storage.ts'
import { countBrokers } from '../../kafka/count-brokers.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { fetchKeySet, keySetProblem, keySetUrl } from '../../service/logins/key-set.ts'
import { HttpJobs } from '../../service/platform/jobs/http-jobs.ts'
import { kafkaPlace, topicSettings } from '../../service/serve/kafka-place.ts'
import { storagePlace } from '../../service/serve/storage-place.ts'
import { openDataService } from '../../service/serve/open-data-service.ts'
import { askServer } from '../../service/platform/database/ask-server.ts'
import { fileVaultOptions, openExternalVault } from '../../service/serve/open-vault.ts'
import { findUnusableFiles } from '../../service/platform/vault/file-vault.ts'
import { requirePrivateFolder } from '../../service/platform/vault/private-files.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { checkRegistry, checkTransactions } from '../../sinks/topic/check-topics.ts'
import { plainText } from '../output/plain-text.ts'
import { checkFiles } from './check-files.ts'
import { checkTargets } from './check-targets.ts'
import { finding, withClock, type Finding } from './finding.ts'

/** Files of the vault, in one line. */
const mostNamed = 5
const storageMs = 10_000

/** The parts that the settings name, as this machine reaches them. */
export async function checkParts(settings: Settings, logger: Logger): Promise<readonly Finding[]> {
  const destinations = [
    ...(settings.dataDatabaseUrl === undefined
      ? []
      : [['data:', settings.dataDatabaseUrl] as const]),
    ...Object.entries(settings.postgres).map(
      ([name, address]) => [`postgres:${name}`, address] as const,
    ),
  ]
  return Promise.all([
    checkDatabase(settings, logger),
    checkVault(settings, logger),
    checkKafka(settings, logger),
    ...checkTopics(settings, logger),
    checkJobs(settings, logger),
    ...checkDataService(settings),
    ...checkStorage(settings),
    ...checkTargets(settings),
    ...checkFiles(settings),
    ...(settings.identityUrl === undefined ? [] : [checkIdentity(settings.identityUrl, settings)]),
    ...destinations.map(([name, address]) => checkDestination(name, address)),
  ])
}

async function checkDatabase({ databaseUrl, dataDir }: Settings, logger: Logger): Promise<Finding> {
  const name = 'metadata database'
  if (databaseUrl === undefined) {
    const detail = `embedded, in ${join(dataDir, 'postgres')}; the service starts it`
    return { name, status: 'ok', detail }
  }
  return finding(name, async () => {
    const { version, clockAheadMs, isReadOnly, user, database, canCreate } = await askServer(
      databaseUrl,
      logger,
    )
    if (isReadOnly) {
      const detail = `PostgreSQL ${version} accepts no writes: it is read-only, or a standby`
      const fix =
        'Name the primary server in `REACTOR_CONNECT_DATABASE_URL`, or let the database accept writes (`default_transaction_read_only`).'
      return { name, status: 'failed', detail, fix }
    }
    if (!canCreate) {
      const detail = `PostgreSQL ${version} does not let user ${user} create the schemas and tables of the service in database ${database}`
      const fix = `Run \`GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(user)}\` as the owner of the database. If the schemas \`reactor_connect_service\` and \`reactor_connect_jobs\` are there, they must belong to this user.`
      return { name, status: 'failed', detail: plainText(detail), fix: plainText(fix) }
    }
    return withClock({ name, status: 'ok', detail: `PostgreSQL ${version}` }, clockAheadMs)
  })
}

async function checkVault(settings: Settings, logger: Logger): Promise<Finding> {
  const { vaultUrl, vaultMount } = settings
  const name = 'vault'
  const external = openExternalVault(settings, logger)
  if (vaultUrl === undefined || external === undefined) return checkEmbeddedVault(settings)
  return finding(name, async () => {
    await using vault = external
    await vault.check()
    return { name, status: 'ok', detail: `${vaultUrl}, mount ${vaultMount}` }
  })
}

/** Only reads: the service may have it open. */
async function checkEmbeddedVault(settings: Settings): Promise<Finding> {
  const name = 'vault'
  return finding(name, async () => {
    const options = fileVaultOptions(settings)
    const detail = `embedded, in ${options.folder}`
    if (!(await hasEntries(options.folder))) {
      const hint = 'if the service has another data folder, name it with `--data-dir`'
      return { name, status: 'ok', detail: `${detail}: empty (${hint})` }
    }
    await requirePrivate(options.folder)
    const files = await findUnusableFiles(options)
    if (files.length === 0) return { name, status: 'ok', detail }
    const named = files.slice(0, mostNamed).map((file) => `${file.name} (${file.reason})`)
    const more = files.length > named.length ? `, and ${files.length - named.length} more` : ''
    const what =
      files.length === 1 ? '1 file cannot be used' : `${files.length} files cannot be used`
    const fix =
      'Restore the files from a backup, or set all credentials of their instances again: after a use or a start of the service, `reactor connect instances list` shows these as missing.'
    const text = plainText(`${detail}: ${what}: ${named.join(', ')}${more}`)
    return { name, status: 'warning', detail: text, fix }
  })
}

/** Throws what a start of the service throws. Root looks at the folder as its owner. */
async function requirePrivate(folder: string): Promise<void> {
  const user = process.geteuid?.()
  if (user === undefined) return
  await requirePrivateFolder(folder, user === 0 ? (await stat(folder)).uid : user)
}

async function hasEntries(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function checkIdentity(identityUrl: string, settings: Settings): Promise<Finding> {
  const name = 'Identity service'
  const url = keySetUrl(identityUrl, settings)
  try {
    const { length } = (await fetchKeySet(url)).keys
    return { name, status: 'ok', detail: `${length} ${length === 1 ? 'key' : 'keys'} at ${url}` }
  } catch (error) {
    const detail = `The keys at ${url} cannot be read: ${keySetProblem(error)}`
    const fix = 'Check `REACTOR_CONNECT_IDENTITY_URL`, `REACTOR_CONNECT_IDENTITY_JWKS_URL`.'
    return { name, status: 'failed', detail: plainText(detail), fix }
  }
}

async function checkKafka(settings: Settings, logger: Logger): Promise<Finding> {
  const name = 'Kafka'
  const place = kafkaPlace(settings)
  if (place === undefined) return { name, status: 'ok', detail: 'none: the embedded log' }
  return finding(name, async () => {
    const brokers = await countBrokers({ ...place, clientId: 'reactor-connect-doctor' }, logger)
    return { name, status: 'ok', detail: `${brokers} ${brokers === 1 ? 'broker' : 'brokers'}` }
  })
}

/**
 * Checks the needs of destinations `topic:NAME`. Requests a transactional id that no connection has: that
 * needs the right, and writes nothing.
 */
function checkTopics(settings: Settings, logger: Logger): readonly Promise<Finding>[] {
  const topics = topicSettings(settings)
  if (topics === undefined) return []
  const { servers, registry } = topics
  const [name, registryName] = ['topics', 'schema registry']
  const transactions = finding(name, async () => {
    await checkTransactions({ ...servers, clientId: 'reactor-connect-doctor' }, logger)
    return { name, status: 'ok', detail: 'transactions are allowed' }
  })
  if (registry === undefined) return [transactions]
  const asked = finding(registryName, async () => {
    await checkRegistry(registry)
    return { name: registryName, status: 'ok', detail: registry.url }
  })
  return [transactions, asked]
}

/** Deletes a job that does not exist: that needs the key, and changes nothing. */
async function checkJobs({ jobsUrl, jobsApiKey }: Settings, logger: Logger): Promise<Finding> {
  const name = 'Jobs service'
  if (jobsUrl === undefined)
    return { name, status: 'ok', detail: 'none: jobs are in the metadata database' }
  return finding(name, async () => {
    const key = jobsApiKey === undefined ? {} : { apiKey: jobsApiKey }
    await using jobs = new HttpJobs({ url: jobsUrl, logger, ...key })
    await jobs.check()
    return { name, status: 'ok', detail: jobs.place }
  })
}

/** Asks for a dataset that does not exist: that needs the key, and changes nothing. */
function checkDataService(settings: Settings): readonly Promise<Finding>[] {
  const name = 'Data service'
  const service = openDataService(settings, Date.now)
  if (service === undefined) return []
  const check = finding(name, async () => {
    await service.check()
    return { name, status: 'ok', detail: service.url }
  })
  return [check]
}

/** Lists what no connection has: that needs the key, and changes nothing. */
function checkStorage(settings: Settings): readonly Promise<Finding>[] {
  const name = 'Storage'
  const place = storagePlace(settings)
  if (place === undefined) return []
  const check = finding(name, async () => {
    const storage = new ObjectStorage(place, { attempts: 1 })
    await storage.list('doctor/', AbortSignal.timeout(storageMs))
    return { name, status: 'ok', detail: `bucket ${place.bucket} at ${place.url}` }
  })
  return [check]
}

async function checkDestination(name: string, address: PostgresAddress): Promise<Finding> {
  return finding(name, async () => {
    const session = await DestinationSession.open({ address })
    await session[Symbol.asyncDispose]()
    const { host, port, database } = address
    return { name, status: 'ok', detail: `PostgreSQL at ${host}:${port}, database ${database}` }
  })
}
