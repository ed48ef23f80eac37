import { base64Alphabet, base64Forms, endOfBase64 } from './base64-alphabet.ts'
import { escapedAlphabet, isAfterRun, symbolsOf } from './escaped-alphabet.ts'
import { maxPatternSymbols, PatternTrie } from './pattern-trie.ts'
import { unitedSpans, type Span } from './spans.ts'

/**
 * Finds secrets in texts, also where they stand inside of JSON, HTML or a URL, however much of them is escaped there, or in
 * base64 with something around them (the header of HTTP's basic authentication).
 *
 * A long secret is looked for in pieces of 64 characters, so that a part of it is found too, and a text that was cut within it
 * shows less than a piece of it. Time and memory are linear: nothing depends on how secrets and texts repeat themselves.
 */
export class SecretIndex {
  readonly #escaped = new PatternTrie(escapedAlphabet)
  readonly #base64 = new PatternTrie(base64Alphabet)
  #isEmpty = true

  add(secret: string): void {
    if (secret === '') return
    this.#isEmpty = false
    for (const part of endsOfSecret(secret)) this.#add(part)
  }

  #add(secret: string): void {
    for (const piece of piecesOf(symbolsOf(secret))) this.#escaped.add(Uint32Array.from(piece))
    // The first piece is enough: what follows it in base64 goes too.
    for (const form of base64Forms(secret.slice(0, maxPatternSymbols))) {
      const piece = form.slice(0, maxPatternSymbols)
      this.#base64.add(Uint32Array.from(piece, (character) => character.charCodeAt(0)))
    }
  }

  /** They may overlap. */
  spansIn(text: string): readonly Span[] {
    if (this.#isEmpty) return []
    const encoded: Span[] = []
    for (const { start, end } of unitedSpans(this.#base64.spansIn(text))) {
      const last = encoded.at(-1)
      if (last === undefined || last.end < end) encoded.push({ start, end: endOfBase64(text, end) })
    }
    return [...this.#escaped.spansIn(text), ...encoded]
  }
}

/** The longest that the vault stores. */
const longestSecret = 256 * 1024

/**
 * What is looked for of a secret that is longer than any that can be stored (a token endpoint may respond with anything): its first
 * and its last 128 KiB. Of a text that quotes it a person sees much less than that.
 */
export function endsOfSecret(secret: string): readonly string[] {
  if (secret.length <= longestSecret) return [secret]
  return [secret.slice(0, longestSecret / 2), secret.slice(-longestSecret / 2)]
}

/** The last piece overlaps the one before, so that none is short. */
function piecesOf(symbols: readonly number[]): readonly (readonly number[])[] {
  const pieces: (readonly number[])[] = []
  let start = 0
  while (start + maxPatternSymbols < symbols.length) {
    const end = start + maxPatternSymbols
    pieces.push(symbols.slice(start, end))
    // What follows a run of backslashes does not begin a piece; it is in the one before.
    start = isAfterRun(symbols[end]) ? end - 1 : end
  }
  const last = Math.max(0, symbols.length - maxPatternSymbols)
  pieces.push(symbols.slice(isAfterRun(symbols[last]) ? last + 1 : last))
  return pieces
}
