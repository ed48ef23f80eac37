import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { replaceFile } from '../../lib/files/replace-file.ts'

const localServiceSchema = z.object({
  url: z.string(),
  api_key: z.string(),
  other_urls: z.array(z.string()).optional(),
})

/**
 * How the command line of this machine reaches the service that runs here: a file in the data folder that
 * only the service's user can read. Written whenever the service listens, since its port may be another one;
 * it stays when the service ends, because the database stores only the hash of the key.
 */
export interface LocalService {
  /** `http://127.0.0.1:8007`, without a slash at its end: an address that this machine can connect to. */
  readonly url: string
  readonly apiKey: string
  /** Other processes that have listened with this data folder, the last one first. */
  readonly otherUrls?: readonly string[]
}

/** Durable when it resolves; readers see the old file or the new one, whole. The folder exists. */
export async function writeLocalService(dataDir: string, service: LocalService): Promise<void> {
  const { url, apiKey, otherUrls = [] } = service
  const document = { url, api_key: apiKey, ...(otherUrls.length > 0 && { other_urls: otherUrls }) }
  await replaceFile(localServiceFile(dataDir), `${JSON.stringify(document, null, 2)}\n`)
}

/** Undefined if no service has listened with this data folder, or the file has another format. */
export async function readLocalService(dataDir: string): Promise<LocalService | undefined> {
  try {
    const text = await readFile(localServiceFile(dataDir), 'utf8')
    const {
      url,
      api_key: apiKey,
      other_urls: otherUrls = [],
    } = localServiceSchema.parse(JSON.parse(text))
    return { url, apiKey, ...(otherUrls.length > 0 && { otherUrls }) }
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError)
      return undefined
    throw error
  }
}

/** For a key that has been revoked: the next start makes a new one. */
export async function removeLocalService(dataDir: string): Promise<void> {
  await rm(localServiceFile(dataDir), { force: true })
}

/** Moves an existing file to another name, and resolves with that name. */
export async function setAsideLocalService(dataDir: string): Promise<string> {
  const file = localServiceFile(dataDir)
  const aside = `${file}.replaced-${String(Date.now())}`
  await rename(file, aside)
  return aside
}

export function localServiceFile(dataDir: string): string {
  return join(dataDir, 'local-service.json')
}

function isMissing(error: unknown): boolean {
  const code = errorCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
