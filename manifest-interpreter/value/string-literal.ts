/** A string or bytes literal of Python's source. */
export interface StringLiteral {
  readonly value: string | Uint8Array
  readonly end: number
}

const opening = /([uU]|[bB][rR]?|[rR][bB]?)?('''|"""|'|")/y
/** After a backslash, in the order in which they are tried. */
const escape =
  /\\(?:\n|([\\'"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/gu
/** An escape without its digits, beyond Unicode, or a name. */
const badEscape =
  /(?<!\\)(?:\\\\)*\\(?:x(?![0-9a-fA-F]{2})|u(?![0-9a-fA-F]{4})|U(?!00(?:10|0[0-9a-fA-F])[0-9a-fA-F]{4})|N)/
const named: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Undefined if no string begins; `malformed` if one begins that Python refuses. */
export function readString(
  source: string,
  position: number,
): StringLiteral | 'malformed' | undefined {
  opening.lastIndex = position
  const match = opening.exec(source)
  if (match === null) return undefined
  const prefix = (match[1] ?? '').toLowerCase()
  const quote = match[2] ?? "'"
  const start = position + match[0].length
  const close = closing(source, start, quote)
  if (close === undefined) return 'malformed'
  const body = source.slice(start, close)
  const end = close + quote.length
  const value = prefix.includes('b')
    ? bytesOf(body, prefix.includes('r'))
    : textOf(body, prefix.includes('r'))
  return value === undefined ? 'malformed' : { value, end }
}

function closing(source: string, start: number, quote: string): number | undefined {
  for (let i = start; i < source.length; i++) {
    const char = source.charAt(i)
    if (char === '\\') i++
    else if (char === '\n' && quote.length === 1) return undefined
    else if (source.startsWith(quote, i)) return i
  }
  return undefined
}

function textOf(body: string, raw: boolean): string | undefined {
  if (body.includes('\0')) return undefined
  return raw ? body : unescape(body)
}

/** The text with its backslash escapes resolved; undefined if one cannot be. */
export function unescape(body: string): string | undefined {
  if (!body.includes('\\')) return body
  if (badEscape.test(body)) return undefined
  return body.replace(escape, (...groups: (string | undefined)[]) => {
    const [whole = '', short, octal, x, u, U, other] = groups
    if (short !== undefined) return named[short] ?? ''
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    const hex = x ?? u ?? U
    if (hex !== undefined) {
      const code = Number.parseInt(hex, 16)
      return String.fromCodePoint(code)
    }
    // A backslash before a line end joins the lines; an unknown escape stays as it is.
    return other === undefined ? '' : whole
  })
}

function bytesOf(body: string, raw: boolean): Uint8Array | undefined {
  if (!/^[\x01-\x7f]*$/.test(body)) return undefined
  // In bytes, \u and \U are no escapes.
  const text = raw ? body : textOf(body.replace(/\\([\s\S])/g, keepUnicodeEscape), false)
  return text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'latin1'))
}

function keepUnicodeEscape(whole: string, char: string): string {
  return /[uUN]/.test(char) ? `\\\\${char}` : whole
}
