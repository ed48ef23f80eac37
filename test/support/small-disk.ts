import { execFile } from 'node:child_process'
import { chown } from 'node:fs/promises'
import { promisify } from 'node:util'
import { serverAccount } from '../../service/platform/postgres/server-binaries.ts'
import { temporaryFolder } from './temporary-folder.ts'

const run = promisify(execFile)

export interface SmallDisk extends AsyncDisposable {
  /** A folder of the account that runs PostgreSQL. */
  readonly path: string
  grow(size: string): Promise<void>
}

/** Why there is none on this machine. */
export interface NoDisk extends AsyncDisposable {
  readonly missing: string
}

/**
 * A file system of its own that is soon full: a tmpfs, which only root may mount (and not in every
 * container).
 */
export async function mountSmallDisk(size: string): Promise<SmallDisk | NoDisk> {
  const folder = await temporaryFolder('small-disk')
  const { path } = folder
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path])
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    const reason = error instanceof Error ? error.message.trim() : String(error)
    const missing = `needs a small file system, and this account may not mount one (${reason})`
    return { missing, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const account = await serverAccount()
  if (account !== undefined) await chown(path, account.uid, account.gid)
  return {
    path,
    grow: async (larger) => {
      await run('mount', ['-o', `remount,size=${larger}`, path])
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', [path])
      await folder[Symbol.asyncDispose]()
    },
  }
}
