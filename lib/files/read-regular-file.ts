import { constants, open } from 'node:fs/promises'

/** Bytes of a file, and the id of the user to whom it belongs (0 on Windows). */
export interface RegularFile {
  readonly bytes: Buffer
  readonly uid: number
}

/**
 * Reads a file and nothing else: reading from a FIFO would wait without end, and a symbolic link leads to
 * another place. Throws what `open` throws, `ELOOP` for a link, `EISDIR` for a folder, `ENXIO` for anything
 * else that is not a file.
 */
export async function readRegularFile(path: string): Promise<RegularFile> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const handle = await open(path, flags)
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) {
      const code = stats.isDirectory() ? 'EISDIR' : 'ENXIO'
      throw Object.assign(new Error(`${code}: ${path} is not a file`), { code })
    }
    return { bytes: await handle.readFile(), uid: stats.uid }
  } finally {
    await handle.close()
  }
}
