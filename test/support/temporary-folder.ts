import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterThisProcess } from '../../service/platform/postgres/end-with-this-process.ts'

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
}

/**
 * A folder of its own in the folder for temporary files, which goes when it is disposed of. A test takes
 * `newFolder` instead.
 */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  return folderIn(tmpdir(), name)
}

/** A file system in memory, which Linux has. */
const memory = '/dev/shm'
/** All tests together fill less than half of it. */
const plentyBytes = 8 * 2 ** 30

/**
 * As `temporaryFolder`, but in memory if there is plenty: for the data of servers that need not survive a
 * power failure. The server's part of a database that is created, used and dropped is 30 ms of CPU there, and
 * 90 to 160 on a disk (ext4, 2 cores, 2026-11).
 */
export async function folderInMemory(name: string): Promise<TemporaryFolder> {
  if (!(await hasPlentyOfMemory())) return temporaryFolder(name)
  const folder = await folderIn(memory, name)
  // A run of the tests that is killed does not leave its memory filled. Its servers, which end with it, may
  // write until then.
  const watchdog = afterThisProcess(removeForGood, folder.path)
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      await folder[Symbol.asyncDispose]()
      watchdog.kill('SIGKILL')
    },
  }
}

const removeForGood = 'for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; rm -rf "$1"; done'

async function hasPlentyOfMemory(): Promise<boolean> {
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }))
  return Math.min(bavail * bsize, process.availableMemory()) >= plentyBytes
}

async function folderIn(parent: string, name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, `reactor-${name}-`))
  return {
    path,
    [Symbol.asyncDispose]: () =>
      // A program that was killed may have servers that still write while they shut down.
      rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }),
  }
}
