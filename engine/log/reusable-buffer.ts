import { DEFAULT_BLOCK_BYTES } from '../../protocol/avro/block-encoder.ts'

/** A reader gives back 4 MiB at once. */
const mostBytes = 8 * 1024 * 1024

/**
 * Buffers of full blocks, and of what a source gives at once, which are filled again. Blocks that states cut
 * short come back too, and their writer asks for one only when a block is full: without a bound they would
 * gather for as long as the stream is read.
 */
export class ReusableBuffers {
  readonly #buffers: ArrayBuffer[] = []
  #bytes = 0

  add(buffer: ArrayBufferLike): void {
    if (!isReusable(buffer) || this.#bytes + buffer.byteLength > mostBytes) return
    this.#buffers.push(buffer)
    this.#bytes += buffer.byteLength
  }

  take(): ArrayBuffer | undefined {
    const buffer = this.#buffers.pop()
    this.#bytes -= buffer?.byteLength ?? 0
    return buffer
  }
}

/** One that a large record has blown up goes, and so does one that a state cut very short. */
function isReusable(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  const { byteLength } = buffer
  return (
    buffer instanceof ArrayBuffer &&
    byteLength >= DEFAULT_BLOCK_BYTES / 2 &&
    byteLength <= 4 * DEFAULT_BLOCK_BYTES
  )
}
