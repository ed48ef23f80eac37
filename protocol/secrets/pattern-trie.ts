import type { Span } from './spans.ts'

/** A reading of the text from a position on: a symbol, and how many characters it takes there. */
export interface Token {
  readonly symbol: number
  readonly length: number
}

/** How a text is read as symbols. The code of a character is the symbol for it. */
export interface Alphabet {
  /** Whether the character stands for itself alone (but behind a run). */
  isPlain(code: number): boolean
  /** All that a text may say at a position. */
  tokensAt(text: string, position: number): readonly Token[]
  /** Such a symbol stands for a run of characters, which `runLengthAt` finds instead of `tokensAt`. */
  isRun(symbol: number): boolean
  /** How many characters the run takes at the position; 0 if it is not there. */
  runLengthAt(symbol: number, text: string, position: number): number
  /** The characters that a symbol may begin with. */
  beginningsOf(symbol: number): string
}

/** A part of patterns that does not branch: first its label is matched, then one of the edges that follow. */
interface Edge {
  readonly id: number
  label: Uint32Array
  /** A pattern ends with the label. */
  isEnd: boolean
  next: Map<number, Edge>
  /** As `next`, for the symbols that are runs. */
  runs: Map<number, Edge>
}

/** A match that began at `start` and has come so far. */
interface State {
  readonly edge: Edge
  /** Symbols of the label. */
  readonly offset: number
  readonly start: number
}

/**
 * No pattern has more symbols: it bounds the states at a position, and by that the time for each character.
 */
export const maxPatternSymbols = 64

/**
 * Finds many patterns in a text at once. They share their beginnings, so that thousands cost a text little
 * more than one. The text is read once, from the left, and nothing is tried again: two matches that come to
 * the same place go on as one.
 */
export class PatternTrie {
  readonly #alphabet: Alphabet
  readonly #root: Edge
  /** The codes of the characters that a pattern may begin with. */
  readonly #beginnings = new Set<number>()
  #edges = 0

  constructor(alphabet: Alphabet) {
    this.#alphabet = alphabet
    this.#root = this.#newEdge(new Uint32Array(), false)
  }

  add(pattern: Uint32Array): void {
    const [first] = pattern
    if (first === undefined) return
    if (pattern.length > maxPatternSymbols) throw new RangeError('the pattern is too long')
    for (const character of this.#alphabet.beginningsOf(first))
      this.#beginnings.add(character.charCodeAt(0))
    let edge = this.#root
    for (let position = 0; position < pattern.length;) {
      const branches = this.#branchesOf(edge, pattern[position] ?? 0)
      const next = branches.get(pattern[position] ?? 0)
      if (next === undefined) {
        branches.set(pattern[position] ?? 0, this.#newEdge(pattern.slice(position), true))
        return
      }
      const shared = sharedLength(next.label, pattern.subarray(position))
      if (shared < next.label.length) this.#split(next, shared)
      edge = next
      position += shared
    }
    edge.isEnd = true
  }

  /** They may overlap. */
  spansIn(text: string): readonly Span[] {
    return new Search(text, this.#alphabet, this.#root).spans((code) => this.#beginnings.has(code))
  }

  #branchesOf(edge: Edge, symbol: number): Map<number, Edge> {
    return this.#alphabet.isRun(symbol) ? edge.runs : edge.next
  }

  /** Splits one edge into two. The first has this number of symbols. */
  #split(edge: Edge, length: number): void {
    const rest = this.#newEdge(edge.label.slice(length), edge.isEnd)
    rest.next = edge.next
    rest.runs = edge.runs
    edge.label = edge.label.slice(0, length)
    edge.isEnd = false
    edge.next = new Map()
    edge.runs = new Map()
    this.#branchesOf(edge, rest.label[0] ?? 0).set(rest.label[0] ?? 0, rest)
  }

  #newEdge(label: Uint32Array, isEnd: boolean): Edge {
    return { id: this.#edges++, label, isEnd, next: new Map(), runs: new Map() }
  }
}

/** One reading of a text. */
class Search {
  readonly #text: string
  readonly #alphabet: Alphabet
  readonly #root: Edge
  readonly #spans: Span[] = []
  /**
   * Matches that have come to a character with several readings: by its position, and by their place in the
   * trie.
   */
  readonly #waiting = new Map<number, Map<number, State>>()

  constructor(text: string, alphabet: Alphabet, root: Edge) {
    this.#text = text
    this.#alphabet = alphabet
    this.#root = root
  }

  spans(mayBegin: (code: number) => boolean): readonly Span[] {
    for (let position = 0; position < this.#text.length; position++) {
      const states = this.#waiting.get(position)
      const begins = mayBegin(this.#text.charCodeAt(position))
      if (states === undefined && !begins) continue
      const root = { edge: this.#root, offset: 0, start: position }
      if (begins && this.#alphabet.isPlain(this.#text.charCodeAt(position)))
        this.#walk(root, position)
      else if (begins) this.#wait(root, position)
      const waiting = this.#waiting.get(position)
      if (waiting === undefined) continue
      this.#waiting.delete(position)
      const tokens = this.#alphabet.tokensAt(this.#text, position)
      for (const state of waiting.values()) this.#step(state, position, tokens)
    }
    return this.#spans
  }

  /** As far as the text can be read in one way only: no state is stored for each character. */
  #walk({ edge, offset, start }: State, from: number): void {
    for (let position = from; ; position++) {
      if (edge.isEnd && offset === edge.label.length) this.#add(start, position)
      if (position === this.#text.length) return
      const code = this.#text.charCodeAt(position)
      if (!this.#alphabet.isPlain(code) || this.#followsRun(edge, offset)) {
        this.#wait({ edge, offset, start }, position)
        return
      }
      const wanted = edge.label[offset]
      if (wanted === code) offset += 1
      else {
        const next = wanted === undefined ? edge.next.get(code) : undefined
        if (next === undefined) return
        edge = next
        offset = 1
      }
    }
  }

  /** Continues with each reading of the text. */
  #step({ edge, offset, start }: State, position: number, tokens: readonly Token[]): void {
    const go = (to: Edge, symbols: number, length: number): void => {
      if (length > 0) this.#walk({ edge: to, offset: symbols, start }, position + length)
    }
    const wanted = edge.label[offset]
    if (wanted === undefined) {
      for (const { symbol, length } of tokens) {
        const next = edge.next.get(symbol)
        if (next !== undefined) go(next, 1, length)
      }
      for (const [symbol, next] of edge.runs) go(next, 1, this.#runLength(symbol, position))
    } else if (this.#alphabet.isRun(wanted)) go(edge, offset + 1, this.#runLength(wanted, position))
    else
      for (const { symbol, length } of tokens) if (symbol === wanted) go(edge, offset + 1, length)
  }

  #runLength(symbol: number, position: number): number {
    return this.#alphabet.runLengthAt(symbol, this.#text, position)
  }

  #followsRun(edge: Edge, offset: number): boolean {
    const before = edge.label[offset - 1]
    return before !== undefined && this.#alphabet.isRun(before)
  }

  /** If two matches are at the same place, the match that began earlier counts. */
  #wait(state: State, position: number): void {
    const states = this.#waiting.get(position) ?? new Map<number, State>()
    this.#waiting.set(position, states)
    const place = state.edge.id * (maxPatternSymbols + 1) + state.offset
    const known = states.get(place)
    if (known === undefined || known.start > state.start) states.set(place, state)
  }

  /** Most of them touch the one before. */
  #add(start: number, end: number): void {
    const last = this.#spans.at(-1)
    if (last === undefined || start < last.start || start > last.end)
      this.#spans.push({ start, end })
    else if (last.end < end) this.#spans[this.#spans.length - 1] = { start: last.start, end }
  }
}

function sharedLength(label: Uint32Array, pattern: Uint32Array): number {
  const length = Math.min(label.length, pattern.length)
  let shared = 0
  while (shared < length && label[shared] === pattern[shared]) shared++
  return shared
}
