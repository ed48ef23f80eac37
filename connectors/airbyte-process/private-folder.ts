import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A folder that only this user can enter, for the files of one call: its configuration holds secrets. It is
 * removed on disposal, and by the supervisor if this process dies.
 */
export class PrivateFolder implements AsyncDisposable {
  readonly path: string

  constructor() {
    // mkdtemp creates it with mode 0700.
    this.path = mkdtempSync(join(tmpdir(), 'reactor-connect-'))
  }

  /** Writes a document of JSON and returns its path. */
  write(name: string, document: unknown): string {
    const path = join(this.path, name)
    writeFileSync(path, JSON.stringify(document), { mode: 0o600 })
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}
