import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import {
  compressors as inJavaScript,
  decompressLz4,
  decompressLz4Raw,
  decompressSnappy,
} from 'hyparquet-compressors'

/** Node's own where it has one: they are faster. */
export const compressors: Compressors = {
  SNAPPY: inJavaScript.SNAPPY ?? decompressSnappy,
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
  GZIP: (bytes) => gunzipSync(bytes),
  BROTLI: (bytes) => brotliDecompressSync(bytes),
  ZSTD: (bytes) => zstdDecompressSync(bytes),
}
