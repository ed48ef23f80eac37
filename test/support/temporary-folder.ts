import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
}

/** A folder of its own in the folder for temporary files, which goes when it is disposed of. A test takes `newFolder` instead. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `reactor-${name}-`))
  return {
    path,
    [Symbol.asyncDispose]: () =>
      // A program that was killed may have servers that still write while they shut down.
      rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }),
  }
}
