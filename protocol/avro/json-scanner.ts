const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Digits that every double holds exactly. */
const EXACT_DIGITS = 15
/** Deeper values are left to JSON.parse. */
const MAX_DEPTH = 100

/** The result of a scan of text that is not JSON, or too deep. */
export const NO_JSON = -1

/**
 * Finds the ends of JSON values in bytes, which are UTF-8, and checks their syntax on the way, without making
 * objects. The bytes behind the value are looked at, up to one.
 */
export class JsonScanner {
  #bytes: Uint8Array = new Uint8Array(0)
  #depth = 0
  /**
   * True if JSON.stringify(JSON.parse(text)) would give the same text as the value that was scanned last: no
   * white space, no escapes, each number as a double is printed, names in the order that objects have.
   */
  isCanonical = true

  get bytes(): Uint8Array {
    return this.#bytes
  }

  set bytes(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Returns the position behind the value that begins at `start`; negative if there is none. */
  value(start: number): number {
    this.isCanonical = true
    this.#depth = 0
    return this.#value(start)
  }

  /** The position of the next byte that is no white space. */
  skipSpace(start: number): number {
    let position = start
    for (;;) {
      const byte = this.#bytes[position]
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return position
      position += 1
    }
  }

  /** Returns the position behind the string whose quote is at `start`; negative if it has no end. */
  string(start: number): number {
    const bytes = this.#bytes
    let position = start + 1
    for (;;) {
      const byte = bytes[position] ?? 0
      if (byte === QUOTE) return position + 1
      if (byte < 0x20) return NO_JSON
      if (byte === BACKSLASH) {
        this.isCanonical = false
        // JSON.parse checks the escape, if the value is needed.
        position += 1
        if ((bytes[position] ?? 0) < 0x20) return NO_JSON
      }
      position += 1
    }
  }

  /** The same for a string without escapes; negative for one that has some. */
  plainString(start: number): number {
    const bytes = this.#bytes
    for (let position = start + 1; ; position += 1) {
      const byte = bytes[position] ?? 0
      if (byte === QUOTE) return position + 1
      if (byte < 0x20 || byte === BACKSLASH) return NO_JSON
    }
  }

  #value(start: number): number {
    const byte = this.#bytes[start] ?? 0
    if (byte === QUOTE) return this.string(start)
    if (byte === MINUS || (byte >= ZERO && byte <= 0x39)) return this.#number(start)
    if (byte === OPEN_OBJECT) return this.#members(start)
    if (byte === OPEN_LIST) return this.#items(start)
    return this.#literal(start)
  }

  #literal(start: number): number {
    const bytes = this.#bytes
    for (const literal of literals) {
      if (bytes[start] !== literal[0]) continue
      for (let index = 1; index < literal.length; index += 1)
        if (bytes[start + index] !== literal[index]) return NO_JSON
      return start + literal.length
    }
    return NO_JSON
  }

  #number(start: number): number {
    const bytes = this.#bytes
    const first = bytes[start] === MINUS ? start + 1 : start
    let position = first
    while (isDigit(bytes[position])) position += 1
    const count = position - first
    if (count === 0 || (bytes[first] === ZERO && count > 1)) return NO_JSON
    const next = bytes[position]
    if (next === 0x2e || next === 0x65 || next === 0x45) return this.#longNumber(start)
    // -0 is printed as 0.
    if (count > EXACT_DIGITS || (first !== start && bytes[first] === ZERO)) this.isCanonical = false
    return position
  }

  /** One with a fraction or an exponent. */
  #longNumber(start: number): number {
    let end = start
    while (isPartOfNumber(this.#bytes[end])) end += 1
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start)
    const digits = text.toString('latin1')
    if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/.test(digits)) return NO_JSON
    if (digits.length > EXACT_DIGITS || String(Number(digits)) !== digits) this.isCanonical = false
    return end
  }

  #items(start: number): number {
    if (++this.#depth > MAX_DEPTH) return NO_JSON
    let position = this.#next(start + 1)
    if (this.#bytes[position] === CLOSE_LIST) return this.#close(position)
    for (;;) {
      position = this.#value(position)
      if (position < 0) return NO_JSON
      position = this.#next(position)
      const byte = this.#bytes[position]
      if (byte === CLOSE_LIST) return this.#close(position)
      if (byte !== COMMA) return NO_JSON
      position = this.#next(position + 1)
    }
  }

  #members(start: number): number {
    if (++this.#depth > MAX_DEPTH) return NO_JSON
    let position = this.#next(start + 1)
    if (this.#bytes[position] === CLOSE_OBJECT) return this.#close(position)
    for (;;) {
      if (this.#bytes[position] !== QUOTE) return NO_JSON
      // Names that are numbers come first in an object.
      if (isDigit(this.#bytes[position + 1])) this.isCanonical = false
      position = this.string(position)
      if (position < 0) return NO_JSON
      position = this.#next(position)
      if (this.#bytes[position] !== COLON) return NO_JSON
      position = this.#value(this.#next(position + 1))
      if (position < 0) return NO_JSON
      position = this.#next(position)
      const byte = this.#bytes[position]
      if (byte === CLOSE_OBJECT) return this.#close(position)
      if (byte !== COMMA) return NO_JSON
      position = this.#next(position + 1)
    }
  }

  #close(position: number): number {
    this.#depth -= 1
    return position + 1
  }

  #next(position: number): number {
    const byte = this.#bytes[position] ?? 0
    if (byte > 0x20) return position
    this.isCanonical = false
    return this.skipSpace(position)
  }
}

const literals = ['true', 'false', 'null'].map((text) => Buffer.from(text))

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39
}

function isPartOfNumber(byte: number | undefined): boolean {
  return (
    isDigit(byte) ||
    byte === MINUS ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x65 ||
    byte === 0x45
  )
}
