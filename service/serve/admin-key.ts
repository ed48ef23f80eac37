import type { StoredApiKeyService } from '../api-keys/api-key-service.ts'
import { readLocalService, writeLocalService } from './local-service-file.ts'

export interface AdminKeyOptions {
  readonly dataDir: string
  /** The address for the command line on this machine. */
  readonly url: string
  readonly apiKeys: StoredApiKeyService
  /** The database is in the data folder too: access to the folder is access to everything, so a lost key is made again. */
  readonly isEmbedded: boolean
}

/**
 * Makes the first key of a service, and lets the command line of this machine find service and key. Returns the key if it is new and has to
 * be announced: it is shown once.
 */
export async function prepareAdminKey(options: AdminKeyOptions): Promise<string | undefined> {
  const { dataDir, url, apiKeys, isEmbedded } = options
  const first = await apiKeys.createFirst('first')
  const key = first?.key ?? (await readWorkingKey(options))
  const local =
    key ??
    (isEmbedded ? (await apiKeys.create({ name: 'command line', kind: 'admin' })).key : undefined)
  if (local !== undefined) await writeLocalService(dataDir, { url, apiKey: local })
  return first?.key
}

/** The key in the file, if it is still valid for this service. */
async function readWorkingKey({ dataDir, apiKeys }: AdminKeyOptions): Promise<string | undefined> {
  const local = await readLocalService(dataDir)
  if (local === undefined) return undefined
  const principal = await apiKeys.authenticate(local.apiKey)
  return principal === null ? undefined : local.apiKey
}
