import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Level 1: about as fast as lz4 on records, and a third smaller. Runs in zlib's thread pool, beside the encoding. */
const params = { [constants.ZSTD_c_compressionLevel]: 1 }

/** Records shrink to a third or less. */
const usualRatio = 4
const minChunkBytes = 16 * 1024
const maxChunkBytes = 1024 * 1024

/** Teaches kafkajs zstd (its table of codecs is its own, per thread). May be called often. */
export function useZstd(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => codec
}

const codec = {
  compress: ({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> =>
    compress(buffer, { params, chunkSize: chunkSize(buffer.length / 2) }),
  decompress: (bytes: Buffer): Promise<Buffer> =>
    decompress(bytes, { chunkSize: chunkSize(bytes.length * usualRatio) }),
}

/**
 * zlib goes to its thread pool and back once per chunk of output. With room for all of it the two roads cost 0.9 us of CPU
 * per 230-byte row; with the default of 16 KiB 2.3 us (2026-11-25).
 */
function chunkSize(outputBytes: number): number {
  return Math.min(maxChunkBytes, Math.max(minChunkBytes, Math.ceil(outputBytes)))
}
