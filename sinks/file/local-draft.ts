import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '../../lib/files/replace-file.ts'
import type { DraftFile, StoredDraft } from '../row-files/file-store.ts'
import { inFolder } from './file-errors.ts'
import { unlinkIfThere } from './versioned-document.ts'

/** Bytes wait in memory up to this size. */
const bufferBytes = 1024 * 1024

/** A file in the folder of drafts. It is created with its first bytes. */
export class LocalDraft implements DraftFile {
  readonly #path: string
  readonly #stored: StoredDraft
  #file: FileHandle | undefined
  #waiting: Buffer[] = []
  heldBytes = 0

  constructor(path: string, stored: StoredDraft) {
    this.#path = path
    this.#stored = stored
  }

  async write(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes)
    this.heldBytes += bytes.length
    if (this.heldBytes >= bufferBytes) await inFolder(dirname(this.#path), () => this.#flush())
  }

  close(): Promise<StoredDraft> {
    return inFolder(dirname(this.#path), async () => {
      await this.#flush()
      await this.#file?.sync()
      await this.#file?.close()
      this.#file = undefined
      await syncFolder(dirname(this.#path))
      return this.#stored
    })
  }

  discard(): Promise<void> {
    return inFolder(dirname(this.#path), async () => {
      this.#waiting = []
      this.heldBytes = 0
      await this.#file?.close()
      this.#file = undefined
      await unlinkIfThere(this.#path)
    })
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.heldBytes = 0
    this.#file ??= await this.#create()
    await this.#file.writeFile(bytes)
  }

  async #create(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true })
    return open(this.#path, 'wx', 0o644)
  }
}
