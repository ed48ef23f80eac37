import { atEndOfFile } from './end-of-file.ts'
import { folderInMemory, temporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

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
  atEndOfFile(() => folder[Symbol.asyncDispose]())
  return folder.path
}
