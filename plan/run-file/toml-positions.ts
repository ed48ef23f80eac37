import { PositionIndex, type FieldPath } from './source-position.ts'

/**
 * Finds where the fields of a TOML document are: the parser reports only the positions of syntax errors. The
 * text is known to be valid (it has been parsed), so this walks keys, strings and brackets, and skips every
 * other value as it comes.
 */
export function indexToml(text: string): PositionIndex {
  const scanner = new TomlScanner(text)
  scanner.document()
  return scanner.positions
}

interface Key {
  readonly parts: readonly string[]
  readonly offset: number
}

class TomlScanner {
  readonly positions: PositionIndex
  readonly #text: string
  #offset = 0
  /** How many tables `[[name]]` there are so far, by path. */
  readonly #arrayLengths = new Map<string, number>()

  constructor(text: string) {
    this.#text = text
    this.positions = new PositionIndex(text)
    if (text.startsWith('\uFEFF')) this.#offset = 1
  }

  document(): void {
    let table: FieldPath = []
    for (;;) {
      this.#skipVoid()
      if (this.#offset >= this.#text.length) return
      if (this.#peek() === '[') table = this.#header()
      else this.#pair(table)
    }
  }

  #header(): FieldPath {
    const start = this.#offset
    const isArray = this.#text.startsWith('[[', start)
    this.#offset += isArray ? 2 : 1
    const { parts, offset } = this.#key()
    this.#offset += isArray ? 2 : 1
    const path = this.#resolve(parts.slice(0, -1))
    const own = [...path, parts.at(-1) ?? '']
    if (!isArray) {
      this.#note(path, parts.slice(-1), offset)
      return own
    }
    const key = JSON.stringify(own)
    const index = this.#arrayLengths.get(key) ?? 0
    this.#arrayLengths.set(key, index + 1)
    if (index === 0) this.#note(path, parts.slice(-1), offset)
    this.positions.addValue([...own, index], start)
    return [...own, index]
  }

  /** A header names the last table of an array when it names the array. */
  #resolve(parts: readonly string[]): FieldPath {
    let path: FieldPath = []
    for (const part of parts) {
      path = [...path, part]
      const length = this.#arrayLengths.get(JSON.stringify(path))
      if (length !== undefined) path = [...path, length - 1]
    }
    return path
  }

  #pair(table: FieldPath): void {
    const { parts, offset } = this.#key()
    this.#skipVoid()
    this.#offset += 1 // =
    const path = this.#note(table, parts, offset)
    this.#skipVoid()
    this.#value(path)
  }

  /** Notes a (dotted) key under a table; every part of it stands at the key. */
  #note(table: FieldPath, parts: readonly string[], offset: number): FieldPath {
    let path = table
    for (const part of parts) {
      path = [...path, part]
      this.positions.addKey(path, offset)
    }
    return path
  }

  #key(): Key {
    this.#skipVoid()
    const offset = this.#offset
    const parts: string[] = []
    for (;;) {
      this.#skipVoid()
      const char = this.#peek()
      if (char === '"' || char === "'") parts.push(this.#string())
      else parts.push(this.#take(/[A-Za-z0-9_-]*/y))
      this.#skipVoid()
      if (this.#peek() !== '.') return { parts, offset }
      this.#offset += 1
    }
  }

  #value(path: FieldPath): void {
    this.positions.addValue(path, this.#offset)
    const char = this.#peek()
    if (char === '"' || char === "'") this.#string()
    else if (char === '[')
      this.#items(']', (index) => {
        this.#value([...path, index])
      })
    else if (char === '{')
      this.#items('}', () => {
        this.#pair(path)
      })
    else this.#take(/[^,\]}\r\n#]*/y)
  }

  #items(close: string, item: (index: number) => void): void {
    this.#offset += 1
    for (let index = 0; ; index++) {
      this.#skipVoid()
      if (this.#peek() === close || this.#offset >= this.#text.length) break
      item(index)
      this.#skipVoid()
      if (this.#peek() === ',') this.#offset += 1
    }
    this.#offset += 1
  }

  /**
   * The text between the quotes (escapes stay as they are: keys with escapes only lose their exact position).
   */
  #string(): string {
    const quote = this.#peek()
    const fence = this.#text.startsWith(quote.repeat(3), this.#offset) ? quote.repeat(3) : quote
    const start = this.#offset + fence.length
    let end = start
    while (end < this.#text.length && !this.#text.startsWith(fence, end))
      end += quote === '"' && this.#text[end] === '\\' ? 2 : 1
    this.#offset = end + fence.length
    // A multi-line string may end in up to two quotes of its own.
    if (fence.length === 3) while (this.#peek() === quote) this.#offset += 1
    return this.#text.slice(start, end)
  }

  #skipVoid(): void {
    this.#take(/(?:[ \t\r\n]|#[^\n]*)*/y)
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#offset
    const taken = pattern.exec(this.#text)?.[0] ?? ''
    this.#offset += taken.length
    return taken
  }

  #peek(): string {
    return this.#text[this.#offset] ?? ''
  }
}
