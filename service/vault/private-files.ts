import { chmod, lstat, mkdir, open, readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConnectError } from '../../protocol/index.ts'

/** Windows has no modes and no way to force a folder to disk. */
const isPosix = process.platform !== 'win32'
export const draftSuffix = '.new'

/** Makes the folder (0700) where it is missing. Throws `vault_permissions` where others can reach it or a file in it. */
export async function openPrivateFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!isPosix) return
  if (made !== undefined) await chmod(folder, 0o700) // an odd umask
  await checkPrivate(folder, `chmod -R go= '${folder}'`)
  for (const entry of await readdir(folder)) {
    await checkPrivate(join(folder, entry), `chmod -R go= '${folder}'`)
  }
}

async function checkPrivate(path: string, command: string): Promise<void> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOENT') return undefined // another process replaced it
    throw error
  })
  if (stats === undefined) return
  const refuse = (reason: string, fix = command): never => {
    throw new ConnectError('vault_permissions', { details: { path, reason, command: fix } })
  }
  if (stats.isSymbolicLink()) refuse('it is a symbolic link', `rm '${path}'`)
  if ((stats.mode & 0o077) !== 0) refuse(`its mode is ${(stats.mode & 0o777).toString(8)}`)
  const uid = process.geteuid?.()
  if (uid !== undefined && stats.uid !== uid) {
    refuse(`it belongs to user ${stats.uid}, not to ${uid}`, `chown -R ${uid} '${dirname(path)}'`)
  }
}

/**
 * Replaces a file: readers, and a crash at any time, see the old content or the new one, whole. Durable when it resolves.
 * One writer at a time.
 */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const draft = path + draftSuffix
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  await syncFolder(dirname(path))
}

/** Forces the names in a folder (made, renamed, deleted) to disk. */
export async function syncFolder(folder: string): Promise<void> {
  if (!isPosix) return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function errorCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
