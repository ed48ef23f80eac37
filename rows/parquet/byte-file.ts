import type { AsyncBuffer } from 'hyparquet'
import type { ByteSource } from '../row-source.ts'

/** Up to here the bytes of a row group are read once and stay in memory while it is read. */
const maxHeldBytes = 128 * 1024 * 1024

/** A file as hyparquet reads it: slices, those of the current row group from memory. */
export class ByteFile implements AsyncBuffer {
  readonly #source: ByteSource
  readonly byteLength: number
  #held: { readonly from: number; readonly bytes: Uint8Array } | undefined

  constructor(source: ByteSource) {
    this.#source = source
    this.byteLength = source.size
  }

  /** Reads these bytes at once, if they are not too many, and forgets those that it held before. */
  async hold(from: number, to: number): Promise<void> {
    this.#held = undefined
    if (to - from <= maxHeldBytes) this.#held = { from, bytes: await this.#source.read(from, to) }
  }

  async slice(from: number, to: number = this.byteLength): Promise<ArrayBuffer> {
    const held = this.#held
    if (held !== undefined && from >= held.from && to <= held.from + held.bytes.length)
      return bufferOf(held.bytes.subarray(from - held.from, to - held.from))
    return bufferOf(await this.#source.read(from, to))
  }
}

/** hyparquet takes a whole buffer. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const isWhole = byteOffset === 0 && byteLength === buffer.byteLength
  if (isWhole && buffer instanceof ArrayBuffer) return buffer
  return Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)).buffer
}
