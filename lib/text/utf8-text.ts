import { Buffer, isUtf8 } from 'node:buffer'

/**
 * The text of a file or a pipe, without the mark that Windows puts at its beginning; undefined if it is not
 * in UTF-8: it would be changed in silence.
 */
export function utf8Text(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? new TextDecoder('utf-8').decode(bytes) : undefined
}

/**
 * All of the text, with a mark at its beginning; undefined if it is not in UTF-8. In 0.6 of the time of a
 * TextDecoder that refuses what is not (2026-11-29).
 */
export function markedUtf8Text(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** The message for people whose text is not in UTF-8. */
export const notUtf8 = 'its text is not in UTF-8'
export const notUtf8Fix = 'Save it in UTF-8 (`iconv -f latin1 -t utf-8` converts Latin-1).'
