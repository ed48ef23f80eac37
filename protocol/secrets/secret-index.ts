import { base64Alphabet, encodedForms, endOfBase64 } from './base64-alphabet.ts'
import { escapedAlphabet, isAfterRun, symbolsOf } from './escaped-alphabet.ts'
import { joinedSecrets } from './joined-text.ts'
import { maxPatternSymbols, PatternTrie } from './pattern-trie.ts'
import { unitedSpans, type Span } from './spans.ts'

/**
 * Finds secrets in texts, also where they stand inside of JSON, HTML or a URL, however much of them is
 * escaped there, or in base64 with something around them (the header of HTTP's basic authentication).
 *
 * A long secret is looked for in pieces of 64 characters, so that a part of it is found too, and a text that
 * was cut within it shows less than a piece of it. Time and memory are linear: nothing depends on how secrets
 * and texts repeat themselves.
 */
export class SecretIndex {
  readonly #escaped = new PatternTrie(escapedAlphabet)
  readonly #base64 = new PatternTrie(base64Alphabet)
  #isEmpty = true
  #hasBlanks = false
  /** How many characters follow the first piece, of the secret that is longest in base64. */
  #longestRest = 0

  /** Whether a secret has blanks, which may be taken for the indentation of a line. */
  get hasBlanks(): boolean {
    return this.#hasBlanks
  }

  add(secret: string): void {
    if (secret === '') return
    this.#isEmpty = false
    if (/^[^\r\n]*[ \t][^\r\n]*$/u.test(secret)) this.#hasBlanks = true
    for (const part of endsOfSecret(secret)) {
      this.#addEncoded(part)
      for (const form of [part, ...joinedSecrets(part)])
        for (const piece of piecesOf(symbolsOf(form))) this.#escaped.add(Uint32Array.from(piece))
    }
  }

  /** The first piece is enough: the text after it goes too. */
  #addEncoded(secret: string): void {
    for (const { beginning, length } of encodedForms(secret, maxPatternSymbols)) {
      this.#base64.add(Uint32Array.from(beginning, (character) => character.charCodeAt(0)))
      this.#longestRest = Math.max(this.#longestRest, length - beginning.length)
    }
  }

  /** They may overlap. */
  spansIn(text: string): readonly Span[] {
    return this.#spansIn(text, Infinity)
  }

  /**
   * In a text without its line breaks, in which the next line may be base64 too for all one can see: not more
   * than the secret goes.
   */
  spansInJoined(text: string): readonly Span[] {
    return this.#spansIn(text, this.#longestRest)
  }

  #spansIn(text: string, mostBehind: number): readonly Span[] {
    if (this.#isEmpty) return []
    const encoded: Span[] = []
    for (const { start, end } of unitedSpans(this.#base64.spansIn(text))) {
      const from = Math.max(end, encoded.at(-1)?.end ?? 0)
      encoded.push({ start, end: endOfBase64(text, from, mostBehind) })
    }
    return [...this.#escaped.spansIn(text), ...encoded]
  }
}

/** The longest that the vault stores. */
const longestSecret = 256 * 1024

/**
 * The parts to search for if a secret is longer than any that can be stored (a token endpoint may respond
 * with anything): its first and its last 128 KiB. If a text quotes it, a person sees much less than that.
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
    // The symbol after a run of backslashes does not begin a piece; it is in the one before.
    start = isAfterRun(symbols[end]) ? end - 1 : end
  }
  const last = Math.max(0, symbols.length - maxPatternSymbols)
  pieces.push(symbols.slice(isAfterRun(symbols[last]) ? last + 1 : last))
  return pieces
}
