import type { Alphabet, Token } from './pattern-trie.ts'

/** Added to the code point of a character that stands behind a run of backslashes. Other characters are their code points. */
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
 * A text as symbols. A run of backslashes is one symbol, and what follows it has no backslashes of its own: what escapes both
 * makes one longer run of them.
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
 * Characters as they are, and as they are escaped in JSON (also in JSON inside of JSON), in Python, HTML, forms and URLs (also
 * in URLs inside of URLs).
 */
export const escapedAlphabet: Alphabet = {
  isPlain: (code) =>
    code < 0xd8_00 && code !== 0x5c && code !== 0x25 && code !== 0x26 && code !== 0x2b,
  tokensAt(text, at) {
    const code = text.codePointAt(at) ?? 0
    if (text[at] === '\\') return jsonEscapes(text, at)
    const tokens = [{ symbol: code, length: code > 0xff_ff ? 2 : 1 }]
    if (text[at] === '%') tokens.push(...percentEscapes(text, at))
    if (text[at] === '&') tokens.push(...htmlEscapes(text, at))
    if (text[at] === '+') tokens.push({ symbol: 0x20, length: 1 })
    const escapes = escapesAfterRun(text, at)
    return [
      ...tokens,
      ...[...tokens, ...escapes].map(({ symbol, length }) => ({
        symbol: afterRun + symbol,
        length,
      })),
    ]
  },
  isRun: (symbol) => symbol >= run,
  runLengthAt(symbol, text, at) {
    const count = symbol - run
    if (text[at] === '%') return percentRun(text, at, count)
    const length = backslashesAt(text, at, 2 ** jsonLevels * (count + 1) - 1)
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

function jsonEscapes(text: string, at: number): readonly Token[] {
  const backslashes = backslashesAt(text, at, mostBackslashes + 1)
  if (backslashes > mostBackslashes) return []
  const behind = at + backslashes
  const character = text.charAt(behind)
  if (character === 'u') return unicodeEscape(text, at, escapedUnit)
  const said = controls.get(character) ?? (`'"/`.includes(character) ? character : '')
  return said === '' ? [] : [{ symbol: said.charCodeAt(0), length: backslashes + 1 }]
}

/** The backslashes are in the run that was before. */
function escapesAfterRun(text: string, at: number): readonly Token[] {
  const character = text.charAt(at)
  if (character === 'u') return unicodeEscape(text, at, bareUnit)
  const said = controls.get(character)
  return said === undefined ? [] : [{ symbol: said.charCodeAt(0), length: 1 }]
}

/** A character beyond the first plane is two units. */
function unicodeEscape(text: string, at: number, unit: RegExp): readonly Token[] {
  const first = codeAt(text, at, unit)
  if (first === undefined) return []
  const second = isHighSurrogate(first.code) ? codeAt(text, at + first.length, unit) : undefined
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
  at: number,
  code: RegExp,
): { readonly code: number; readonly length: number } | undefined {
  code.lastIndex = at
  const found = code.exec(text)
  return found === null
    ? undefined
    : { code: parseInt(found[1] ?? '', 16), length: found[0].length }
}

/** In `%2525` stands `%25`, and `%`: each number of levels is another reading. */
const percentLevels = [/%([0-9A-Fa-f]{2})/y, /%25([0-9A-Fa-f]{2})/y, /%2525([0-9A-Fa-f]{2})/y]

function percentEscapes(text: string, at: number): readonly Token[] {
  return percentLevels.flatMap((level) => {
    const first = codeAt(text, at, level)
    if (first === undefined) return []
    if (first.code < 0x80) return [{ symbol: first.code, length: first.length }]
    return utf8Escape(text, at, first)
  })
}

function utf8Escape(
  text: string,
  at: number,
  first: { readonly code: number; readonly length: number },
): readonly Token[] {
  const bytes = [first.code]
  let length = first.length
  while (bytes.length < utf8Length(first.code)) {
    const next = codeAt(text, at + length, percentByte)
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
function percentRun(text: string, at: number, count: number): number {
  let length = 0
  for (let found = 0; found < count; found++) {
    const next = codeAt(text, at + length, percentByte)
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

function htmlEscapes(text: string, at: number): readonly Token[] {
  htmlEscape.lastIndex = at
  const found = htmlEscape.exec(text)
  if (found === null) return []
  const [all, name = '', decimal, hexadecimal = ''] = found
  const numbered = decimal === undefined ? parseInt(hexadecimal, 16) : Number(decimal)
  const symbol = htmlNames[name]?.charCodeAt(0) ?? numbered
  return symbol > 0x10_ff_ff ? [] : [{ symbol, length: all.length }]
}

/** Not more than `most`. */
function backslashesAt(text: string, at: number, most: number): number {
  let count = 0
  while (count < most && text[at + count] === '\\') count++
  return count
}
