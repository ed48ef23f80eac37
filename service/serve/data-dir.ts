import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalidSettings } from '../config/setting-problem.ts'
import { errorCodeOf } from '../vault/private-files.ts'

/**
 * Makes the data folder and closes it to others. Where this process is root, the server of PostgreSQL runs under an account of
 * its own and has to pass through: then others may pass too, and still see nothing.
 * Throws `setting_invalid` for a folder that cannot be made, or is not this user's.
 */
export async function openDataDir(folder: string): Promise<void> {
  try {
    await makeClosed(folder)
  } catch (error) {
    throw unusable(folder, error)
  }
}

async function makeClosed(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  await mkdir(folder, { recursive: true, mode })
  if (process.platform !== 'win32') await chmod(folder, mode)
}

function unusable(folder: string, cause: unknown): unknown {
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
