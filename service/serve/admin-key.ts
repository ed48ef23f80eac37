import type { Logger } from 'pino'
import type { StoredApiKeyService } from '../api-keys/api-key-service.ts'
import { invalidSettings } from '../platform/config/setting-problem.ts'
import {
  readLocalService,
  setAsideLocalService,
  writeLocalService,
  type LocalService,
} from './local-service-file.ts'

export interface AdminKeyOptions {
  readonly dataDir: string
  /** The address for the command line on this machine. */
  readonly url: string
  readonly apiKeys: StoredApiKeyService
  /**
   * The database is in the data folder too: access to the folder is access to everything, so a lost key is
   * made again.
   */
  readonly isEmbedded: boolean
  readonly logger: Logger
}

/** A service on this machine responds at once. */
const patienceMs = 2_000

/**
 * Makes the first key of a service, and lets the command line of this machine find service and key. Returns
 * the key if it is new and has to be announced: it is shown once. Throws `setting_invalid` if a service with
 * another database runs with this data folder; what one that does not run has left in it is set aside.
 */
export async function prepareAdminKey(options: AdminKeyOptions): Promise<string | undefined> {
  const { dataDir, url, apiKeys, isEmbedded } = options
  const { own, foreign } = await findLocalService(options)
  if (foreign !== undefined && foreign.url !== url) await requireGone(foreign, dataDir)
  const first = await apiKeys.createFirst('first')
  const key = first?.key ?? own?.apiKey
  const local =
    key ??
    (isEmbedded ? (await apiKeys.create({ name: 'command line', kind: 'admin' })).key : undefined)
  if (local === undefined) return undefined
  if (foreign !== undefined) await setAside(options)
  await writeLocalService(dataDir, { url, apiKey: local, otherUrls: othersOf(own, url) })
  return first?.key
}

const mostOthers = 4

/** Processes of one service may share the folder: the command line finds one of them that runs. */
function othersOf(own: LocalService | undefined, url: string): readonly string[] {
  if (own === undefined) return []
  const earlier = [own.url, ...(own.otherUrls ?? [])].filter((other) => other !== url)
  return [...new Set(earlier)].slice(0, mostOthers)
}

/**
 * Reads the file. If its key is valid in this database, the login belongs to this database; else to another.
 */
async function findLocalService({
  dataDir,
  apiKeys,
}: AdminKeyOptions): Promise<{ readonly own?: LocalService; readonly foreign?: LocalService }> {
  const found = await readLocalService(dataDir)
  if (found === undefined) return {}
  return (await apiKeys.authenticate(found.apiKey)) === null ? { foreign: found } : { own: found }
}

async function setAside({ dataDir, logger }: AdminKeyOptions): Promise<void> {
  const file = await setAsideLocalService(dataDir)
  logger.warn({ file }, 'the data folder had a key that this database does not know: set aside')
}

/**
 * Its key is not one of this database: if it opens the service at its address, that one has another database.
 */
async function requireGone(found: LocalService, dataDir: string): Promise<void> {
  const headers = { authorization: `Bearer ${found.apiKey}` }
  const response = await fetch(`${found.url}/connect/v1/auth/whoami`, {
    headers,
    signal: AbortSignal.timeout(patienceMs),
  }).catch(() => undefined) // nothing responds there
  await response?.body?.cancel()
  if (response?.ok !== true) return
  throw invalidSettings([
    {
      setting: 'data_dir',
      place: dataDir,
      problem: `is the data folder of the service at ${found.url}, which has another metadata database`,
      fix: 'Give this service a folder of its own with `--data-dir` or `REACTOR_CONNECT_DATA_DIR`, or the `database_url` of the other one.',
    },
  ])
}
