import { DecodeError } from './decode-error.ts'
import { limitPiece } from './piece-limit.ts'
import { streamedDecoder } from './streamed-decoder.ts'
import type { Decoder } from '../../contracts.ts'
import type { Value } from '../../value/value.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const NEWLINE = 10
const RETURN = 13

/** IterableDecoder: each line of the body as the `record` of a dict. */
export function iterableDecoder(): Decoder {
  return streamedDecoder(async function* parse(bytes) {
    for await (const lines of lineBatches(bytes)) {
      const records: Value[] = []
      let failure: DecodeError | undefined
      for (const line of lines) {
        try {
          records.push({ record: utf8.decode(line) })
        } catch (cause) {
          failure = new DecodeError('UnicodeDecodeError', 'A line of the response is not UTF-8.', {
            cause,
          })
          break
        }
      }
      if (records.length > 0) yield records
      if (failure !== undefined) throw failure
    }
  })
}

/** Lines that end with \n, \r or \r\n, for each chunk. */
async function* lineBatches(
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<readonly Uint8Array[]> {
  let pieces: Uint8Array[] = []
  let pieceBytes = 0
  let afterReturn = false
  for await (const chunk of bytes) {
    const lines: Uint8Array[] = []
    let from = 0
    for (let position = 0; position < chunk.length; position++) {
      const byte = chunk[position]
      if (byte === NEWLINE && afterReturn) from = position + 1
      else if (byte === NEWLINE || byte === RETURN) {
        lines.push(Buffer.concat([...pieces, chunk.subarray(from, position)]))
        pieces = []
        pieceBytes = 0
        from = position + 1
      }
      afterReturn = byte === RETURN
    }
    if (from < chunk.length) {
      pieces.push(chunk.subarray(from))
      pieceBytes += chunk.length - from
      limitPiece(pieceBytes)
    }
    if (lines.length > 0) yield lines
  }
  if (pieces.length > 0) yield [Buffer.concat(pieces)]
}
