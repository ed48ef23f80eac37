import { isIndexLike, dictOf } from './dict.ts'
import { float, int, type Value } from './value.ts'

/** JSON as Python reads it: ints of any size, floats apart from ints, NaN and Infinity, keys in their order. */

/** Not JSON, at this character. */
export class JsonError extends SyntaxError {
  readonly position: number

  constructor(message: string, position: number) {
    super(`${message} at character ${position}`)
    this.name = 'JsonError'
    this.position = position
  }
}

/** As json.loads. */
export function parseJson(source: string | Uint8Array): Value {
  return parse(source, 'exact')
}

/**
 * As the reference reads a response: orjson, for which an int beyond 64 bits is a float, and json.loads for what orjson
 * refuses (NaN, a lone surrogate, a float beyond a double).
 */
export function parseResponseJson(source: string | Uint8Array): Value {
  try {
    return parse(source, 'orjson')
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return parse(source, 'exact')
  }
}

type Dialect = 'exact' | 'orjson'

/**
 * Whatever JSON.parse would not read as Python does: an integral float, a fraction that may round to one, an exponent, 16
 * digits or more, an array-index-like key. It may hit in a string, which costs time only.
 */
const needsExactParser =
  /(?:^|[:,[\s])-?(?:\d{16}|\d+\.(?:0+(?!\d)|\d{15})|\d+(?:\.\d+)?[eE])|"(?:0|[1-9]\d{0,9})"\s*:|\\u003\d/

function parse(source: string | Uint8Array, dialect: Dialect): Value {
  const text = typeof source === 'string' ? source : decode(source)
  if (!needsExactParser.test(text)) {
    const value = parseFast(text, dialect)
    if (value !== undefined) return value
  }
  return new ExactParser(text, dialect).parse()
}

/** Undefined where the exact parser is to tell what is wrong, or to read what JSON.parse does not know. */
function parseFast(text: string, dialect: Dialect): Value | undefined {
  // Orjson refuses a lone surrogate, which JSON.parse makes of an escape.
  if (dialect === 'orjson' && /\\u[dD][89a-fA-F]/.test(text)) return undefined
  try {
    return parseNative(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** JSON.parse makes nothing that is no Value. */
const parseNative: (text: string) => Value = JSON.parse

/** UTF-8, or UTF-16 where a mark or zero bytes tell so. */
function decode(bytes: Uint8Array): string {
  try {
    return decodeAs(encodingOf(bytes), bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new JsonError('The text is not in UTF-8', 0)
    throw error
  }
}

function encodingOf([first, second, third]: Uint8Array): string {
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0 && second !== undefined && second !== 0) return 'utf-16be'
  return second === 0 && third !== 0 ? 'utf-16le' : 'utf-8'
}

function decodeAs(encoding: string, bytes: Uint8Array): string {
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}

const spaces = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y

const string = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const words: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['null', null],
  ['true', true],
  ['false', false],
])
const nonFinite: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])
const word = /-?[A-Za-z]+/y
/** Deeper, Python ends with a RecursionError, orjson refuses. */
const maxDepth = 990

class ExactParser {
  readonly #text: string
  readonly #dialect: Dialect
  #at = 0
  #depth = 0

  constructor(text: string, dialect: Dialect) {
    this.#text = text
    this.#dialect = dialect
  }

  parse(): Value {
    const value = this.#value()
    this.#skip()
    if (this.#at < this.#text.length) throw this.#error('Extra data')
    return value
  }

  #error(message: string): JsonError {
    return new JsonError(message, this.#at)
  }

  #skip(): string {
    spaces.lastIndex = this.#at
    this.#at += spaces.exec(this.#text)?.[0].length ?? 0
    return this.#text.charAt(this.#at)
  }

  #value(): Value {
    const char = this.#skip()
    if (char === '{') return this.#nested(() => this.#object())
    if (char === '[') return this.#nested(() => this.#array())
    if (char === '"') return this.#string()
    return this.#number() ?? this.#word()
  }

  #nested(read: () => Value): Value {
    if (++this.#depth > maxDepth) throw this.#error('Too deeply nested')
    this.#at++
    const value = read()
    this.#depth--
    return value
  }

  #object(): Value {
    const entries: [string, Value][] = []
    if (this.#skip() === '}') {
      this.#at++
      return {}
    }
    for (;;) {
      if (this.#skip() !== '"') throw this.#error('A key in quotes is expected')
      const key = this.#string()
      if (this.#skip() !== ':') throw this.#error('":" is expected')
      this.#at++
      entries.push([key, this.#value()])
      const next = this.#skip()
      this.#at++
      if (next === '}') return objectOf(entries)
      if (next !== ',') {
        this.#at--
        throw this.#error('"," or "}" is expected')
      }
    }
  }

  #array(): Value {
    const items: Value[] = []
    if (this.#skip() === ']') {
      this.#at++
      return items
    }
    for (;;) {
      items.push(this.#value())
      const next = this.#skip()
      this.#at++
      if (next === ']') return items
      if (next !== ',') {
        this.#at--
        throw this.#error('"," or "]" is expected')
      }
    }
  }

  #string(): string {
    string.lastIndex = this.#at
    const literal = string.exec(this.#text)?.[0]
    if (literal === undefined) throw this.#error('A text that is not closed or has a wrong escape')
    this.#at += literal.length
    if (!literal.includes('\\')) return literal.slice(1, -1)
    const text: unknown = JSON.parse(literal)
    if (typeof text !== 'string') throw this.#error('A text is expected')
    if (this.#dialect === 'orjson' && !text.isWellFormed()) throw this.#error('A lone surrogate')
    return text
  }

  #number(): Value | undefined {
    number.lastIndex = this.#at
    const match = number.exec(this.#text)
    if (match === null) return undefined
    const [spelled, fraction, exponent] = match
    this.#at += spelled.length
    if (fraction === undefined && exponent === undefined) return this.#int(spelled)
    const value = Number(spelled)
    if (this.#dialect === 'orjson' && !Number.isFinite(value)) throw this.#error('Not a double')
    return float(value)
  }

  #int(spelled: string): Value {
    if (spelled.length < 16) return Number(spelled) + 0
    if (spelled.length > 4300) throw this.#error('An integer with too many digits')
    const exact = BigInt(spelled)
    const fits = BigInt.asUintN(64, exact) === exact || BigInt.asIntN(64, exact) === exact
    return this.#dialect === 'exact' || fits ? int(exact) : float(Number(spelled))
  }

  #word(): Value {
    word.lastIndex = this.#at
    const spelled = word.exec(this.#text)?.[0] ?? ''
    const value = words.get(spelled)
    const special = this.#dialect === 'exact' ? nonFinite.get(spelled) : undefined
    if (value === undefined && special === undefined) throw this.#error('A value is expected')
    this.#at += spelled.length
    return value ?? special ?? null
  }
}

/** The last of equal keys wins, the first gives the place. */
function objectOf(entries: readonly [string, Value][]): Value {
  return entries.some(([key]) => isIndexLike(key)) ? new Map(entries) : dictOf(entries)
}
