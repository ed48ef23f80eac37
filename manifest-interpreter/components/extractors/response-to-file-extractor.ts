import { constants, createUnzip } from 'node:zlib'
import { flag } from '../../definition.ts'
import { DecodeError } from '../decoders/decode-error.ts'
import { CsvReader } from '../decoders/csv-reader.ts'
import { decompressChunks } from '../decoders/decompress-chunks.ts'
import { sniffed } from '../../http/body-head.ts'
import { decodeChunks } from '../decoders/text-chunks.ts'
import { TableRows } from './table-rows.ts'
import type { Extractor } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/**
 * ResponseToFileExtractor: the rows of a CSV, compressed or not, as pandas reads them into objects. The
 * reference goes by a file to hold large ones; here rows are read while the body arrives.
 */
export function responseToFileExtractor(definition: PlainDict): Extractor {
  const naValues = flag(definition, 'preserve_na_values', false) ? 'kept' : 'null'
  return {
    async *extract(response) {
      const reader = new CsvReader(',', { maxFieldLength: Infinity })
      const rows = new TableRows(naValues)
      for await (const text of decodeChunks(plain(response.stream()), 'utf-8-sig')) {
        const records = rows.dictsOf(reader.push(text))
        if (records.length > 0) yield records
      }
      if (reader.isInQuotes)
        throw new DecodeError(
          'ParserError',
          'The CSV of the response ends inside of a quoted field.',
        )
      const records = rows.dictsOf(reader.end())
      if (records.length > 0) yield records
    },
  }
}

/** Decompressed; as much as there is if the data end too early. Plain text loses its zero bytes. */
async function* plain(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { head, all } = await sniffed(bytes)
  if (isCompressed(head)) {
    yield* decompressChunks(
      all,
      createUnzip({ finishFlush: constants.Z_SYNC_FLUSH }),
      (cause) =>
        new DecodeError('error', 'The compressed data of the response are broken.', { cause }),
    )
    return
  }
  for await (const chunk of all)
    yield chunk.includes(0) ? chunk.filter((byte) => byte !== 0) : chunk
}

/** The usual second bytes of zlib data. */
const zlibLevels = [0x01, 0x5e, 0x9c, 0xda]

function isCompressed([first, second]: Uint8Array): boolean {
  if (first === 0x1f) return second === 0x8b
  return first === 0x78 && second !== undefined && zlibLevels.includes(second)
}
