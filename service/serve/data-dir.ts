import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes the data folder and closes it to others. Where this process is root, the server of PostgreSQL runs under an account of
 * its own and has to pass through: then others may pass too, and still see nothing.
 */
export async function openDataDir(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  await mkdir(folder, { recursive: true, mode })
  if (process.platform !== 'win32') await chmod(folder, mode)
}
