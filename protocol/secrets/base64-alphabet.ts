import type { Alphabet } from './pattern-trie.ts'

const plus = 0x2b
const slash = 0x2f

/** Base64 of fewer characters than this may stand in any text. */
const minBase64 = 8

/** Plus, slash and equals sign as JSON and URLs escape them. */
const escape = /(?:\\{1,15}u00|%(?:25){0,2})(2[bBfF]|3[dD])|\\{1,15}(\/)/y

/** Base64 of URLs too, and with what may be escaped in it. */
export const base64Alphabet: Alphabet = {
  isPlain: (code) => code !== 0x5c && code !== 0x2d && code !== 0x5f && code !== 0x25,
  tokensAt(text, position) {
    const character = text.charAt(position)
    if (character === '-') return [{ symbol: plus, length: 1 }]
    if (character === '_') return [{ symbol: slash, length: 1 }]
    return [escapeAt(text, position) ?? { symbol: text.charCodeAt(position), length: 1 }]
  },
  isRun: () => false,
  runLengthAt: () => 0,
  beginningsOf(symbol) {
    if (symbol === plus) return String.raw`+-\%`
    return symbol === slash ? String.raw`/_\%` : String.fromCharCode(symbol)
  },
}

function escapeAt(text: string, position: number) {
  if (!'\\%'.includes(text.charAt(position))) return undefined
  escape.lastIndex = position
  const match = escape.exec(text)
  if (match === null) return undefined
  const [all, hexadecimal = '2f'] = match
  return { symbol: parseInt(hexadecimal, 16), length: all.length }
}

/** How a secret begins in an encoding, and how many characters it takes there as a whole. */
interface EncodedForm {
  readonly beginning: string
  readonly length: number
}

/**
 * A secret in base64, also when it is escaped in JSON that is in base64.
 *
 * @param most characters of a beginning
 */
export function encodedForms(secret: string, most: number): readonly EncodedForm[] {
  const first = secret.slice(0, most)
  const quoted = JSON.stringify(first).slice(1, -1)
  // Where the beginning is the same in both, the longer one counts: the escapes come later.
  const bytes = Buffer.byteLength(JSON.stringify(secret)) - 2
  return [...new Set([first, quoted])].flatMap((beginning) =>
    base64Forms(beginning, { most, bytes }),
  )
}

/** Three bytes are four characters, so a text has three forms, by how much stands before it. */
function base64Forms(
  first: string,
  { most, bytes }: { readonly most: number; readonly bytes: number },
): EncodedForm[] {
  const encodedBytes = Buffer.from(first)
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), encodedBytes]).toString('base64')
    // Only the characters that hold bits of the text alone.
    const start = Math.ceil((before * 8) / 6)
    const beginning = encoded.slice(start, Math.floor(((before + encodedBytes.length) * 8) / 6))
    // The last character may hold a part of the text only.
    const length = Math.ceil(((before + bytes) * 8) / 6) - start
    return beginning.length < minBase64 ? [] : [{ beginning: beginning.slice(0, most), length }]
  })
}

const padding = /(?:=|%(?:25){0,2}3[dD]|\\{1,15}u003[dD]){0,2}/y

/**
 * The end of base64 that goes on at the position: the base64 after a secret goes too, at most this number of
 * characters.
 */
export function endOfBase64(text: string, position: number, most: number): number {
  let end = position
  for (let count = 0; count < most; count++) {
    const length = lengthAt(text, end)
    if (length === 0) break
    end += length
  }
  padding.lastIndex = end
  return end + (padding.exec(text)?.[0].length ?? 0)
}

/** How many characters a character of base64 takes in the text; 0 if there is none. */
function lengthAt(text: string, position: number): number {
  const character = text.charAt(position)
  if (/[A-Za-z0-9+/_-]/.test(character)) return 1
  const escaped = escapeAt(text, position)
  return escaped === undefined || (escaped.symbol !== plus && escaped.symbol !== slash)
    ? 0
    : escaped.length
}
