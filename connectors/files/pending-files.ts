import type { FileEntry } from './place.ts'
import type { Progress } from './progress.ts'

/** Held in memory: about 20 MB. */
const mostFiles = 50_000

export interface PendingFiles {
  /** In the order in which they are read: by their times, then by their keys. */
  readonly files: readonly FileEntry[]
  /** There are more, which come later. */
  readonly isCut: boolean
  /** Keys of listed files among `watched`. */
  readonly seen: ReadonlySet<string>
}

/** The next files to read, of a list of any length. `watched`: keys to look for. */
export async function pendingFiles(
  pages: AsyncIterable<readonly FileEntry[]>,
  progress: Progress,
  watched: ReadonlySet<string>,
): Promise<PendingFiles> {
  const seen = new Set<string>()
  let files: FileEntry[] = []
  let isCut = false
  for await (const page of pages) {
    for (const file of page) {
      if (watched.has(file.key)) seen.add(file.key)
      if (progress.isPending(file)) files.push(file)
    }
    if (files.length < 2 * mostFiles) continue
    files = inOrder(files).slice(0, mostFiles)
    isCut = true
  }
  const ordered = inOrder(files)
  return { files: ordered.slice(0, mostFiles), isCut: isCut || ordered.length > mostFiles, seen }
}

function inOrder(files: readonly FileEntry[]): FileEntry[] {
  return files.toSorted(
    (left, right) => left.modifiedMs - right.modifiedMs || (left.key < right.key ? -1 : 1),
  )
}
