import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { invalidSettings } from '../platform/config/setting-problem.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'

/**
 * Makes the data folder and closes it to others. If this process is root and brings its own PostgreSQL, that
 * server runs under an account of its own and has to pass through: then others may pass too, and still see
 * nothing. Throws `setting_invalid` for a folder that cannot be made, or is not this user's.
 */
export async function openDataDir(
  folder: string,
  { hasPostgres }: { readonly hasPostgres: boolean },
): Promise<void> {
  try {
    await makeClosed(resolve(folder), hasPostgres)
  } catch (error) {
    throw unusableFolderError(folder, error)
  }
}

async function makeClosed(folder: string, hasPostgres: boolean): Promise<void> {
  await makeFolder(dirname(folder))
  const mode = hasPostgres && process.getuid?.() === 0 ? 0o711 : 0o700
  await makeFolder(folder, mode)
  if (process.platform !== 'win32') await chmod(folder, mode)
}

/**
 * Each folder above it first. Node's own way of doing that never ends if none can be made, as below /proc.
 */
async function makeFolder(folder: string, mode?: number): Promise<void> {
  const stats = await stat(folder).catch(() => undefined)
  if (stats?.isDirectory() === true) return
  const above = dirname(folder)
  if (above !== folder) await makeFolder(above)
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    // Another process created it first.
    if (errorCodeOf(error) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error
  }
}

function unusableFolderError(folder: string, cause: unknown): unknown {
  const reason = errorCodeOf(cause)
  if (reason === undefined) return cause
  return invalidSettings([
    {
      setting: 'data_dir',
      place: folder,
      problem: `cannot be used as the data folder (${reason})`,
      fix: 'Name a folder that belongs to the user of the service, or that this user may make, with `--data-dir` or `REACTOR_CONNECT_DATA_DIR`; or give it to this user with `chown -R`.',
    },
  ])
}
