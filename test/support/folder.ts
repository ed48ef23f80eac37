import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const made: string[] = []
// Hooks run in reverse: this one, which was first, after those of the file.
afterAll(async () => {
  for (const path of made.splice(0))
    await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
})

/** A folder of its own in the folder for temporary files. It goes with the end of the test file. */
export async function newFolder(name: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `reactor-${name}-`))
  made.push(path)
  return path
}
