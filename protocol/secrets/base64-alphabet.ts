import type { Alphabet } from './pattern-trie.ts'

const plus = 0x2b
const slash = 0x2f

/** Base64 of fewer characters than this may stand in any text. */
const minBase64 = 8

/** Base64 of URLs too, and with the slash as JSON may escape it. */
export const base64Alphabet: Alphabet = {
  isPlain: (code) => code !== 0x5c && code !== 0x2d && code !== 0x5f,
  tokensAt(text, at) {
    const character = text.charAt(at)
    if (character === '\\' && text[at + 1] === '/') return [{ symbol: slash, length: 2 }]
    if (character === '-') return [{ symbol: plus, length: 1 }]
    if (character === '_') return [{ symbol: slash, length: 1 }]
    return [{ symbol: text.charCodeAt(at), length: 1 }]
  },
  isRun: () => false,
  runLengthAt: () => 0,
  beginningsOf(symbol) {
    if (symbol === plus) return '+-'
    return symbol === slash ? '/_\\' : String.fromCharCode(symbol)
  },
}

/** Three bytes are four characters, so a text has three forms, by how much stands before it. */
export function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only the characters that hold bits of the text alone.
    const core = encoded.slice(
      Math.ceil((before * 8) / 6),
      Math.floor(((before + bytes.length) * 8) / 6),
    )
    return core.length < minBase64 ? [] : [core]
  })
}

const rest = /(?:[A-Za-z0-9+/_-]|\\\/)*={0,2}/y

/** Where base64 ends that goes on at the position: what follows a secret in it goes too. */
export function endOfBase64(text: string, at: number): number {
  rest.lastIndex = at
  return at + (rest.exec(text)?.[0].length ?? 0)
}
