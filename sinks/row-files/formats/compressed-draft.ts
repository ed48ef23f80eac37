import { promisify } from 'node:util'
import { constants, createGzip, createZstdCompress, type Gzip, type ZstdCompress } from 'node:zlib'
import type { FileOptions } from '../file-options.ts'
import type { DraftFile, StoredDraft } from '../file-store.ts'

const chunkSize = 128 * 1024
/** About what the state of a compressor has. */
const stateBytes = 512 * 1024

/**
 * Passes bytes on to a draft, compressed. The compressor has a thread of its own: it works on the bytes of
 * one call while the caller makes those of the next.
 */
export class CompressedDraft {
  readonly #draft: DraftFile
  readonly #compression: FileOptions['compression']
  /** Made with the first bytes: its state is larger than many a file. */
  #compressor: Gzip | ZstdCompress | undefined
  #working: Promise<unknown> = Promise.resolve()
  #compressed: Buffer[] = []
  #compressedBytes = 0
  /** Compressed bytes that were made. */
  bytes = 0

  constructor(draft: DraftFile, compression: FileOptions['compression']) {
    this.#draft = draft
    this.#compression = compression
  }

  get heldBytes(): number {
    const state = this.#compressor === undefined ? 0 : stateBytes
    return this.#draft.heldBytes + this.#compressedBytes + state
  }

  /**
   * When it resolves, the bytes of the call before are free again; those of this one are in use. Without a
   * compression, they belong to the draft.
   */
  async write(bytes: Buffer): Promise<void> {
    await this.#working
    await this.#passOn()
    const compressor = this.#openCompressor()
    if (compressor === undefined) {
      this.bytes += bytes.length
      await this.#draft.write(bytes)
      return
    }
    this.#working = promisify<Buffer, undefined>((chunk, done) => {
      compressor.write(chunk, (error) => {
        done(error ?? null, undefined)
      })
    })(bytes)
    this.#working.catch(() => undefined) // the next call throws it
  }

  async close(): Promise<StoredDraft> {
    await this.#working
    const compressor = this.#compressor
    if (compressor !== undefined) {
      await new Promise<void>((resolve, reject) => {
        compressor.once('error', reject)
        compressor.once('end', resolve)
        compressor.end()
      })
    }
    await this.#passOn()
    return this.#draft.close()
  }

  async discard(): Promise<void> {
    await this.#working.catch(() => undefined)
    this.#compressor?.destroy()
    this.#compressed = []
    await this.#draft.discard()
  }

  #openCompressor(): Gzip | ZstdCompress | undefined {
    if (this.#compressor !== undefined) return this.#compressor
    this.#compressor = compressorOf(this.#compression)
    this.#compressor?.on('data', (chunk: Buffer) => {
      this.#compressed.push(chunk)
      this.#compressedBytes += chunk.length
      this.bytes += chunk.length
    })
    return this.#compressor
  }

  async #passOn(): Promise<void> {
    if (this.#compressedBytes === 0) return
    const chunks = this.#compressed
    this.#compressed = []
    this.#compressedBytes = 0
    for (const chunk of chunks) await this.#draft.write(chunk)
  }
}

function compressorOf(compression: FileOptions['compression']): Gzip | ZstdCompress | undefined {
  if (compression === 'gzip') return createGzip({ level: 4, chunkSize })
  if (compression === 'zstd')
    return createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 3 } })
  return undefined
}
