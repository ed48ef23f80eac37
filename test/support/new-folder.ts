import { afterAll } from 'vitest'
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

const made: TemporaryFolder[] = []
// Hooks run in reverse: this one, which was first, after those of the file.
afterAll(async () => {
  for (const folder of made.splice(0)) await folder[Symbol.asyncDispose]()
})

/** A folder of its own in the folder for temporary files. It goes with the end of the test file. */
export async function newFolder(name: string): Promise<string> {
  const folder = await temporaryFolder(name)
  made.push(folder)
  return folder.path
}
