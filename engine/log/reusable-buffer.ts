/** Buffers of usual blocks are filled again. One that a large record has blown up goes, and small ones are made as they are needed. */
export function isReusable(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  const { byteLength } = buffer
  return buffer instanceof ArrayBuffer && byteLength >= 128 * 1024 && byteLength <= 1024 * 1024
}
