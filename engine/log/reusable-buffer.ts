import { DEFAULT_BLOCK_BYTES } from '../../protocol/avro/block-encoder.ts'

/**
 * Buffers of full blocks, and of what a source gives at once, are filled again. One that a large record has
 * blown up goes; one that a state cut short would never be asked for, and they would gather.
 */
export function isReusable(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  const { byteLength } = buffer
  return (
    buffer instanceof ArrayBuffer &&
    byteLength >= DEFAULT_BLOCK_BYTES / 2 &&
    byteLength <= 4 * DEFAULT_BLOCK_BYTES
  )
}
