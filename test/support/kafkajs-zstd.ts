import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'

/** Our producers compress with zstd, which kafkajs does not know by itself. */
export function zstdForKafkajs(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(new Error('not needed')),
    decompress: promisify(zstdDecompress),
  })
}
