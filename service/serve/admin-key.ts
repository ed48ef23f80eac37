import type { StoredApiKeyService } from '../api-keys/api-key-service.ts'
import { readLocalService, writeLocalService } from './local-service-file.ts'

export interface AdminKeyOptions {
  readonly dataDir: string
  /** Where this machine's command line reaches the service. */
  readonly url: string
  readonly apiKeys: StoredApiKeyService
  /** The database is in the data folder too: whoever has the folder has all, and a key that was lost is made again. */
  readonly isEmbedded: boolean
}

/**
 * Makes the first key of a service, and lets the command line of this machine find service and key. Returns the key where it
 * is new and somebody has to be told: it is shown once.
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

/** The key of the file, if it still opens this service. */
async function readWorkingKey({ dataDir, apiKeys }: AdminKeyOptions): Promise<string | undefined> {
  const local = await readLocalService(dataDir)
  if (local === undefined) return undefined
  const principal = await apiKeys.authenticate(local.apiKey)
  return principal === null ? undefined : local.apiKey
}
