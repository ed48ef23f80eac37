import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SpilledBytes {
  readonly offset: number
  readonly length: number
}

/**
 * Bytes that are too many for the memory, in one temporary file. The file is made when it is first needed,
 * and has no name from then on: the system removes it when the process ends, also if it is killed.
 */
export class SpillFile {
  #opened: Promise<FileHandle> | undefined
  #end = 0

  async append(bytes: Uint8Array): Promise<SpilledBytes> {
    const offset = this.#end
    this.#end += bytes.length
    this.#opened ??= openTemporary()
    const file = await this.#opened
    let written = 0
    while (written < bytes.length) {
      const part = await file.write(bytes, written, bytes.length - written, offset + written)
      written += part.bytesWritten
    }
    return { offset, length: bytes.length }
  }

  async read({ offset, length }: SpilledBytes): Promise<Uint8Array> {
    this.#opened ??= openTemporary()
    const file = await this.#opened
    const bytes = new Uint8Array(length)
    let read = 0
    while (read < length) {
      const part = await file.read(bytes, read, length - read, offset + read)
      if (part.bytesRead === 0) throw new TypeError('The temporary file of responses is cut off.')
      read += part.bytesRead
    }
    return bytes
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close()
  }
}

async function openTemporary(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'reactor-responses-'))
  // Only its owner may read it: it holds records.
  try {
    return await open(join(folder, 'responses'), 'wx+', 0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
