import { isUtf8 } from 'node:buffer'

/** Ends a field. */
export const TAB = 0x09
/** Ends a line. */
export const NEWLINE = 0x0a
/** Begins an escape, and `\N`, the null. */
export const BACKSLASH = 0x5c

/**
 * The byte that the letter after a backslash stands for. COPY TO writes these and the backslash itself; any
 * other stands for itself.
 */
export function unescaped(letter: number): number {
  switch (letter) {
    case 0x62:
      return 0x08
    case 0x66:
      return 0x0c
    case 0x6e:
      return 0x0a
    case 0x72:
      return 0x0d
    case 0x74:
      return 0x09
    case 0x76:
      return 0x0b
    default:
      return letter
  }
}

/**
 * Where the field that begins at `start` ends: at the tab or newline, or behind the lines where an escape
 * swallowed it.
 */
export function fieldEnd(lines: Uint8Array, start: number): number {
  let position = start
  while (position < lines.length) {
    const byte = lines[position]
    if (byte === TAB || byte === NEWLINE) return position
    position += byte === BACKSLASH ? 2 : 1
  }
  return lines.length
}

/**
 * A field's text, its escapes resolved. Bytes that are not UTF-8 (a SQL_ASCII database sends what it has)
 * become the lone surrogates U+DC80 to U+DCFF, so that none is lost.
 */
export function copyFieldText(lines: Uint8Array, start: number, end: number): string {
  const bytes = Buffer.alloc(end - start)
  let length = 0
  for (let i = start; i < end; i++) {
    const byte = lines[i] ?? 0
    bytes[length++] = byte === BACKSLASH ? unescaped(lines[++i] ?? 0) : byte
  }
  const content = bytes.subarray(0, length)
  return isUtf8(content) ? content.toString('utf8') : brokenText(content)
}

function brokenText(bytes: Buffer): string {
  let text = ''
  for (let position = 0; position < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(position, position + count)))
    if (length === undefined) text += String.fromCharCode(0xdc00 + (bytes[position] ?? 0))
    else text += bytes.toString('utf8', position, position + length)
    position += length ?? 1
  }
  return text
}
