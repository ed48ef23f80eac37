import { chmod, lstat, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { ConnectError } from '../../../protocol/index.ts'

/** Windows has no modes. */
const isPosix = process.platform !== 'win32'

/** Makes the folder (0700) if it is missing. Throws `vault_permissions` if others can reach it or a file in it. */
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
