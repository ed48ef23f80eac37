import type { Alphabet, Token } from './pattern-trie.ts'

/**
 * Added to the code point of a character that stands behind a run of backslashes. Other characters are their
 * code points.
 */
const afterRun = 0x20_00_00
/** Added to the number of backslashes in a run. */
const run = 0x40_00_00

/** JSON inside of JSON, so often: each level doubles the backslashes and adds one. */
const jsonLevels = 4
const mostBackslashes = 2 ** jsonLevels - 1
/** A URL inside of a URL inside of a URL. */
const percentByte = /%(?:25){0,2}([0-9A-Fa-f]{2})/y

/** A secret is not looked for beyond a longer run: it would take a text of backslashes too long. */
const longestRun = 256

/**
 * A text as symbols. A run of backslashes is one symbol, and what follows it has no backslashes of its own:
 * what escapes both makes one longer run of them.
 */
export function symbolsOf(text: string): readonly number[] {
  const symbols: number[] = []
  for (const { 1: backslashes = '', 2: character = '' } of text.matchAll(/(\\*)([^\\]|$)/gu)) {
    if (backslashes !== '') symbols.push(run + Math.min(backslashes.length, longestRun))
    if (character === '') continue
    symbols.push((backslashes === '' ? 0 : afterRun) + (character.codePointAt(0) ?? 0))
  }
  return symbols
}

/** No pattern can begin with such a symbol. */
export function isAfterRun(symbol: number | undefined): boolean {
  return symbol !== undefined && symbol >= afterRun && symbol < run
}

/**
 * Characters as they are, and as they are escaped in JSON (also in JSON inside of JSON), in Python, HTML,
 * forms and URLs (also in URLs inside of URLs).
 */
export const escapedAlphabet: Alphabet = {
  isPlain: (code) =>
    code < 0xd8_00 && code !== 0x5c && code !== 0x25 && code !== 0x26 && code !== 0x2b,
  tokensAt(text, position) {
    const code = text.codePointAt(position) ?? 0
    if (text[position] === '\\') return jsonEscapes(text, position)
    const tokens = [{ symbol: code, length: code > 0xff_ff ? 2 : 1 }]
    if (text[position] === '%') tokens.push(...percentEscapes(text, position))
    if (text[position] === '&') tokens.push(...htmlEscapes(text, position))
    if (text[position] === '+') tokens.push({ symbol: 0x20, length: 1 })
    const escapes = escapesAfterRun(text, position)
    return [
      ...tokens,
      ...[...tokens, ...escapes].map(({ symbol, length }) => ({
        symbol: afterRun + symbol,
        length,
      })),
    ]
  },
  isRun: (symbol) => symbol >= run,
  runLengthAt(symbol, text, position) {
    const count = symbol - run
    if (text[position] === '%') return percentRun(text, position, count)
    const length = backslashesAt(text, position, 2 ** jsonLevels * (count + 1) - 1)
    return length < count ? 0 : length
  },
  beginningsOf(symbol) {
    if (symbol >= run) return String.raw`\%`
    return `${String.fromCodePoint(symbol).charAt(0)}${String.raw`\%&`}${symbol === 0x20 ? '+' : ''}`
  },
}

const controls: ReadonlyMap<string, string> = new Map(
  Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
)

const escapedUnit = /\\{1,15}u([0-9A-Fa-f]{4})/y
const bareUnit = /u([0-9A-Fa-f]{4})/y

function jsonEscapes(text: string, position: number): readonly Token[] {
  const backslashes = backslashesAt(text, position, mostBackslashes + 1)
  if (backslashes > mostBackslashes) return []
  const behind = position + backslashes
  const character = text.charAt(behind)
  if (character === 'u') return unicodeEscape(text, position, escapedUnit)
  const decoded = controls.get(character) ?? (`'"/`.includes(character) ? character : '')
  return decoded === '' ? [] : [{ symbol: decoded.charCodeAt(0), length: backslashes + 1 }]
}

/** The backslashes are in the run that was before. */
function escapesAfterRun(text: string, position: number): readonly Token[] {
  const character = text.charAt(position)
  if (character === 'u') return unicodeEscape(text, position, bareUnit)
  const decoded = controls.get(character)
  return decoded === undefined ? [] : [{ symbol: decoded.charCodeAt(0), length: 1 }]
}

/** A character beyond the first plane is two units. */
function unicodeEscape(text: string, position: number, unit: RegExp): readonly Token[] {
  const first = codeAt(text, position, unit)
  if (first === undefined) return []
  const second = isHighSurrogate(first.code)
    ? codeAt(text, position + first.length, unit)
    : undefined
  const alone = { symbol: first.code, length: first.length }
  if (second === undefined) return [alone]
  const symbol = String.fromCharCode(first.code, second.code).codePointAt(0) ?? 0
  return [alone, { symbol, length: first.length + second.length }]
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd8_00 && code <= 0xdb_ff
}

/** `code` finds a number in hexadecimal digits. */
function codeAt(
  text: string,
  position: number,
  code: RegExp,
): { readonly code: number; readonly length: number } | undefined {
  code.lastIndex = position
  const match = code.exec(text)
  return match === null
    ? undefined
    : { code: parseInt(match[1] ?? '', 16), length: match[0].length }
}

/** In `%2525` stands `%25`, and `%`: each number of levels is another reading. */
const percentLevels = [/%([0-9A-Fa-f]{2})/y, /%25([0-9A-Fa-f]{2})/y, /%2525([0-9A-Fa-f]{2})/y]

function percentEscapes(text: string, position: number): readonly Token[] {
  return percentLevels.flatMap((level) => {
    const first = codeAt(text, position, level)
    if (first === undefined) return []
    if (first.code < 0x80) return [{ symbol: first.code, length: first.length }]
    return utf8Escape(text, position, first)
  })
}

function utf8Escape(
  text: string,
  position: number,
  first: { readonly code: number; readonly length: number },
): readonly Token[] {
  const bytes = [first.code]
  let length = first.length
  while (bytes.length < utf8Length(first.code)) {
    const next = codeAt(text, position + length, percentByte)
    if (next === undefined) return []
    bytes.push(next.code)
    length += next.length
  }
  return [{ symbol: Buffer.from(bytes).toString().codePointAt(0) ?? 0, length }]
}

function utf8Length(first: number): number {
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}

/** The backslashes of a run, each as a URL escapes it. */
function percentRun(text: string, position: number, count: number): number {
  let length = 0
  for (let index = 0; index < count; index++) {
    const next = codeAt(text, position + length, percentByte)
    if (next?.code !== 0x5c) return 0
    length += next.length
  }
  return length
}

const htmlNames: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}
const htmlEscape = /&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,8})|#[xX]([0-9A-Fa-f]{1,7}));/y

function htmlEscapes(text: string, position: number): readonly Token[] {
  htmlEscape.lastIndex = position
  const match = htmlEscape.exec(text)
  if (match === null) return []
  const [all, name = '', decimal, hexadecimal = ''] = match
  const numbered = decimal === undefined ? parseInt(hexadecimal, 16) : Number(decimal)
  const symbol = htmlNames[name]?.charCodeAt(0) ?? numbered
  return symbol > 0x10_ff_ff ? [] : [{ symbol, length: all.length }]
}

/** Not more than `most`. */
function backslashesAt(text: string, position: number, most: number): number {
  let count = 0
  while (count < most && text[position + count] === '\\') count++
  return count
}
