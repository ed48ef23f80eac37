import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import {
  compressors as inJavaScript,
  decompressLz4,
  decompressLz4Raw,
  decompressSnappy,
} from 'hyparquet-compressors'
import { MalformedRows } from '../malformed-rows.ts'

/** Pages have a megabyte, and those of one very long value as much as that. */
const maxPageBytes = 1024 * 1024 * 1024

/**
 * Node's own where it has one: they are faster. The length is that which the page declares; nothing longer
 * is made.
 */
export const compressors: Compressors = {
  SNAPPY: checked(inJavaScript.SNAPPY ?? decompressSnappy),
  LZ4: checked(decompressLz4),
  LZ4_RAW: checked(decompressLz4Raw),
  GZIP: checked((bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength })),
  BROTLI: checked((bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength })),
  ZSTD: checked((bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength })),
}

type Decompress = (bytes: Uint8Array, length: number) => Uint8Array

function checked(decompress: Decompress): Decompress {
  return (bytes, length) => {
    // A page of values that are all null.
    if (length === 0) return new Uint8Array(0)
    if (length > maxPageBytes) throw new MalformedRows(`has a page of ${String(length)} bytes`)
    try {
      return decompress(bytes, length)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new MalformedRows(`has a page that cannot be decompressed (${reason})`)
    }
  }
}
