import type { ByteOutput } from '../../wire/byte-output.ts'

/**
 * The byte after the backslash in COPY text, for a byte that must be escaped; 0: the byte stands for itself;
 * 1: U+0000, which Postgres cannot hold.
 */
export const copyEscapes = new Uint8Array(256)
copyEscapes[0x00] = 1
copyEscapes[0x08] = 0x62
copyEscapes[0x09] = 0x74
copyEscapes[0x0a] = 0x6e
copyEscapes[0x0b] = 0x76
copyEscapes[0x0c] = 0x66
copyEscapes[0x0d] = 0x72
copyEscapes[0x5c] = 0x5c

/** Any text that has no U+0000. */
export function writeEscaped(out: ByteOutput, text: string): void {
  const source = Buffer.from(text)
  out.reserve(source.length * 2)
  for (const byte of source) {
    const escape = copyEscapes[byte] ?? 0
    if (escape !== 0) out.bytes[out.offset++] = 0x5c
    out.bytes[out.offset++] = escape === 0 ? byte : escape
  }
}

/** The two bytes of NULL in text. */
export function writeNull(out: ByteOutput): void {
  out.bytes[out.offset++] = 0x5c
  out.bytes[out.offset++] = 0x4e
}

const letters: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
}

/** Returns the text that a field of COPY text represents. */
export function unescapeCopy(text: string): string {
  return text.replace(/\\([^])/g, (_escape, letter: string) => letters[letter] ?? letter)
}
