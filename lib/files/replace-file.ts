import { constants, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Windows has no way to force a folder to disk. */
const isPosix = process.platform !== 'win32'
export const draftSuffix = '.new'

/** Nothing that somebody put there is followed, and no reader of a FIFO is waited for. */
const draftFlags =
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_TRUNC |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK

/**
 * Replaces a file: readers, and a crash at any time, see the old content or the new one, whole. Durable when
 * it resolves. One writer at a time. With `keptAs`, the old file gets that name; readers may then see none
 * for a moment.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  { keptAs }: { readonly keptAs?: string } = {},
): Promise<void> {
  const draft = path + draftSuffix
  const file = await open(draft, draftFlags, 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  if (keptAs !== undefined) await rename(path, keptAs)
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
