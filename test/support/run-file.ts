import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

/**
 * A run file in a folder of its own; `path` is that of the file. A document that is no text is written as
 * JSON, which is YAML.
 */
export async function runFile(document: unknown): Promise<TemporaryFolder> {
  const folder = await temporaryFolder('run-file')
  const path = join(folder.path, 'run.yaml')
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document, null, 2))
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}
