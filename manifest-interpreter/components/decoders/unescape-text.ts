import { DecodeError } from './decode-error.ts'

const simple: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
])

const escape = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-7]{1,3})|([^]?))/gi

/**
 * Decodes a text as Python's `unicode_escape` codec does: `\t` becomes a tab. An unknown escape stays as it
 * is.
 */
export function unescapeText(text: string): string {
  // The codec reads bytes: a character beyond ASCII is its UTF-8 bytes there.
  const bytes = Buffer.from(text, 'utf-8').toString('latin1')
  return bytes.replaceAll(escape, (...match: (string | undefined)[]) => {
    const [whole = '', x, u, U, octal, other] = match
    const hex = x ?? u ?? U
    if (hex !== undefined) return codePoint(Number.parseInt(hex, 16))
    if (octal !== undefined) return codePoint(Number.parseInt(octal, 8))
    if (other === '' || other === undefined || 'xuUN'.includes(other)) throw malformed()
    return simple.get(other) ?? whole
  })
}

function codePoint(code: number): string {
  if (code > 0x10_ffff) throw malformed()
  return String.fromCodePoint(code)
}

function malformed(): DecodeError {
  return new DecodeError(
    'UnicodeDecodeError',
    'The escape in the delimiter of the decoder is not complete.',
  )
}
