import type { Logger } from '../../contracts.ts'
import { parseJson } from '../../value/json.ts'
import { DecodeError } from './decode-error.ts'
import type { BodyParser } from './body-parser.ts'
import { limitPiece } from './piece-limit.ts'
import type { Value } from '../../value/value.ts'

const NEWLINE = 10
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * JsonlDecoder: one JSON value a line. A line that is not JSON (an empty one, too) is left out; a line that
 * is not UTF-8 is an error.
 */
export function jsonLinesParser(
  logger: Logger,
  /** Called for a body without any line of JSON, with its first line. */
  onUnreadable?: (line: Uint8Array) => void,
): BodyParser {
  return async function* parse(bytes) {
    let broken = 0
    let first: Uint8Array | undefined
    let isReadable = false
    for await (const lines of lineBatches(bytes)) {
      const { values, skipped, failure } = parseLines(lines)
      broken += skipped
      first ??= lines[0]
      isReadable ||= values.length > 0
      if (values.length > 0) yield values
      if (failure !== undefined) throw failure
    }
    if (broken > 0)
      logger.warn({ lines: broken }, 'lines of the response are not JSON and were left out')
    if (broken > 0 && !isReadable && first !== undefined) onUnreadable?.(first)
  }
}

function parseLines(lines: readonly Uint8Array[]): {
  readonly values: Value[]
  readonly skipped: number
  readonly failure?: DecodeError
} {
  const values: Value[] = []
  let skipped = 0
  for (const line of lines) {
    let text: string
    try {
      text = utf8.decode(line)
    } catch (cause) {
      const failure = new DecodeError(
        'UnicodeDecodeError',
        'A line of the response is not UTF-8.',
        { cause },
      )
      return { values, skipped, failure }
    }
    try {
      values.push(parseJson(text))
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      if (text.trim() !== '') skipped += 1
    }
  }
  return { values, skipped }
}

/** The lines of each chunk, without their line ends; the last line may lack its end. */
export async function* lineBatches(
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<readonly Uint8Array[]> {
  let pieces: Uint8Array[] = []
  let pieceBytes = 0
  for await (const chunk of bytes) {
    const lines: Uint8Array[] = []
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      pieces.push(chunk.subarray(from, end))
      lines.push(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces))
      pieces = []
      pieceBytes = 0
      from = end + 1
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
