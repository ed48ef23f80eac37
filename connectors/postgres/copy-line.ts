import { hash } from 'node:crypto'

const tab = 0x09
const newline = 0x0a
const backslash = 0x5c

/** Where the last line of whole lines begins. */
export function lastLineStart(lines: Buffer): number {
  return lineStartBefore(lines, lines.length)
}

/** Where the line begins that ends (with its newline) at `end`. A newline inside a value is escaped. */
export function lineStartBefore(lines: Buffer, end: number): number {
  return end < 2 ? 0 : lines.lastIndexOf(newline, end - 2) + 1
}

/** The end of the line that begins at `start`, after its newline. */
export function lineEnd(lines: Buffer, start: number): number {
  return lines.indexOf(newline, start) + 1
}

/** The value of one field of the line that begins at `start`, unescaped; null for NULL. */
export function fieldOf(lines: Buffer, start: number, index: number): string | null {
  let from = start
  for (let skipped = 0; skipped < index; skipped += 1) from = lines.indexOf(tab, from) + 1
  return fieldAt(lines, from).text
}

/** The field that begins at `from`, unescaped (null for NULL), and where it ends. */
export function fieldAt(
  lines: Buffer,
  from: number,
): { readonly text: string | null; readonly end: number } {
  let end = from
  while (lines[end] !== tab && lines[end] !== newline) end += 1
  const raw = lines.toString('utf8', from, end)
  if (raw === '\\N') return { text: null, end }
  const isEscaped = lines.subarray(from, end).includes(backslash)
  return { text: isEscaped ? unescape(raw) : raw, end }
}

/**
 * 64 bits of SHA-256 of a line: enough that no two of 10,000 rows at a boundary are taken for one (chance
 * 3e-12).
 */
export function lineHash(lines: Buffer, start: number, end: number): bigint {
  return hash('sha256', lines.subarray(start, end), 'buffer').readBigUInt64LE()
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** COPY TO writes only these letters after a backslash, and the backslash itself. */
function unescape(raw: string): string {
  return raw.replace(/\\(.)/gs, (_, escaped: string) => escapes[escaped] ?? escaped)
}
