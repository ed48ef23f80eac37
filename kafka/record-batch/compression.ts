import { promisify } from 'node:util'
import { constants, gunzip, zstdCompress, zstdDecompress } from 'node:zlib'
import { lz4Decompress } from './lz4.ts'
import { snappyDecompress } from './snappy.ts'

/** The low three bits of a batch's attributes. */
export const compressionMask = 0x07
export const zstd = 4

const zstdCompressAsync = promisify(zstdCompress)
const zstdDecompressAsync = promisify(zstdDecompress)
const gunzipAsync = promisify(gunzip)

/** Level 1: about as fast as lz4 on records, and a third smaller. */
const params = { [constants.ZSTD_c_compressionLevel]: 1 }

/** Records shrink to a third or less. */
const usualRatio = 4
const minChunkBytes = 16 * 1024
const maxChunkBytes = 16 * 1024 * 1024

/** Runs in zlib's thread pool, beside the encoding. */
export function compress(bytes: Uint8Array): Promise<Buffer> {
  return zstdCompressAsync(bytes, { params, chunkSize: chunkSize(bytes.length / 2) })
}

type Decompress = (bytes: Buffer, maxBytes: number) => Buffer | Promise<Buffer>

/**
 * By the codec's number: none, gzip, snappy, lz4, zstd. Ours is zstd, but a topic's `compression.type` makes
 * the broker compress again what was written to it.
 */
const decompressors: readonly Decompress[] = [
  (bytes) => bytes,
  (bytes, maxBytes) => {
    const chunkBytes = chunkSize(bytes.length * usualRatio)
    return gunzipAsync(bytes, { chunkSize: chunkBytes, maxOutputLength: maxBytes })
  },
  snappyDecompress,
  lz4Decompress,
  (bytes, maxBytes) => {
    // One more than it is, so that zlib sees that it needs no second chunk.
    const size = Math.min(maxBytes, zstdContentBytes(bytes) ?? bytes.length * usualRatio) + 1
    return zstdDecompressAsync(bytes, { chunkSize: chunkSize(size), maxOutputLength: maxBytes })
  },
]

/** The messages of a batch in the open. Throws if they are larger than `maxBytes`. */
export async function decompress(
  bytes: Buffer,
  { codec, maxBytes }: { readonly codec: number; readonly maxBytes: number },
): Promise<Buffer> {
  const decompressor = decompressors[codec]
  if (decompressor === undefined) throw new RangeError(`compression ${codec} is not known`)
  return decompressor(bytes, maxBytes)
}

/**
 * zlib goes to its thread pool and back once per chunk of output, and joins the chunks at the end. With room
 * for all of it the two roads cost 0.7 us of CPU per message of 234 bytes (compress 0.5, decompress 0.2; 0.3
 * with a chunk too few); with the default of 16 KiB 2.3 us per 230-byte row (2026-11-25, Node 24).
 */
function chunkSize(outputBytes: number): number {
  return Math.min(maxChunkBytes, Math.max(minChunkBytes, Math.ceil(outputBytes)))
}

/**
 * The size of the content that a frame declares (RFC 8878, 3.1.1.1); undefined if it declares none. Our
 * frames do.
 */
function zstdContentBytes(bytes: Buffer): number | undefined {
  const descriptor = bytes[4] ?? 0
  const windowBytes = (descriptor & 0x20) === 0 ? 1 : 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0
  const position = 5 + windowBytes + dictionaryBytes
  if (bytes.length < position + 4) return undefined
  switch (descriptor >>> 6) {
    case 1:
      return bytes.readUInt16LE(position) + 256
    case 2:
      return bytes.readUInt32LE(position)
    default:
      return undefined // too small to matter, or over 4 GiB
  }
}
