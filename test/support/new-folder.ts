import { afterAll } from 'vitest'
import { folderInMemory, temporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

const made: TemporaryFolder[] = []
// Hooks run in reverse: this one, which was first, after those of the file.
afterAll(async () => {
  for (const folder of made.splice(0)) await folder[Symbol.asyncDispose]()
})

/** A folder of its own in the folder for temporary files. It goes with the end of the test file. */
export async function newFolder(name: string): Promise<string> {
  return goesWithFile(await temporaryFolder(name))
}

/**
 * As `newFolder`, for databases: on a disk, most of the start of a new one is the wait until it is written.
 */
export async function newFolderInMemory(name: string): Promise<string> {
  return goesWithFile(await folderInMemory(name))
}

function goesWithFile(folder: TemporaryFolder): string {
  made.push(folder)
  return folder.path
}
