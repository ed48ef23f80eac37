import { complex } from './complex.ts'
import { dictOf } from './dict.ts'
import { contains } from './equality.ts'
import { isHashable } from './hashable.ts'
import { readNumber } from './number-literal.ts'
import { readString } from './string-literal.ts'
import { PyFloat, PyObject, PySet, PyTuple, float, int, type Value } from './value.ts'

/**
 * ast.literal_eval: the value that a text spells as a Python literal; undefined if it spells none, be it for
 * its syntax or its meaning. A name of a character (`\N{…}`) is
 * taken for no literal.
 */
export function literalEval(text: string): Value | undefined {
  if (!firstOfLiteral.test(text)) return undefined
  if (numberOrNothing.test(text)) return loneNumber(text)
  const source = text.replace(/^[ \t]+/, '')
  try {
    const parser = new LiteralParser(source.replace(/\r\n?/g, '\n'))
    return parser.parse()
  } catch (error) {
    if (error instanceof NoLiteral) return undefined
    throw error
  }
}

/** `...` is a literal, too. */
export const ellipsis = new PyObject({ type: 'ellipsis', repr: () => 'Ellipsis' })

/** Most texts begin with a letter that begins no literal. */
const firstOfLiteral = /^[\s\\]*(?:[0-9'"[({.+#-]|None|True|False|set|[uUrRbB]{1,2}['"])/
/**
 * Dates, ids, amounts: a text with such a beginning and without brackets is a number or no literal. This is
 * the usual text, so it comes first.
 */
const numberOrNothing = /^[-+0-9][^,(#jJ\n\r\f\t\\]*$/
const signAndNumber =
  /^([-+]?) *((?:[0-9][0-9_.eE]*(?:[eE][-+][0-9_]+)?|0[xXoObB][0-9a-fA-F_]+)) *$/

function loneNumber(text: string): Value | undefined {
  const [, sign, digits = ''] = signAndNumber.exec(text) ?? []
  const number = digits === '' ? undefined : readNumber(digits, 0)
  if (number?.end !== digits.length) return undefined
  return sign === '-' ? negated(asValue(number.value)) : asValue(number.value)
}

/** Ends the parsing. One for all: most texts are no literals, and a stack is dear. */
class NoLiteral extends Error {}
const noLiteral = new NoLiteral('no literal')

/** Python's own parser refuses more. */
const maxNesting = 200
const skipped = /(?:[ \t\f]|\\\n)*(?:#[^\n]*)?/y
const skippedInBrackets = /(?:[ \t\f\n]|\\\n|#[^\n]*)*/y
const lineEnds = /(?:[ \t\f]*(?:#[^\n]*)?\n)*/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y

/** A number may be followed by a sign and a complex number: `1+2j` is a literal, `1+2` is none. */
class LiteralParser {
  readonly #source: string
  #position = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  parse(): Value {
    this.#skipBlankLines()
    // An indented line.
    if (/[ \t]/.test(this.#source.charAt(this.#position))) throw noLiteral
    const value = this.#tupleOrValue(
      () => this.#position >= this.#source.length || this.#peek() === '\n',
    )
    this.#skip()
    this.#skipBlankLines()
    if (this.#position < this.#source.length) throw noLiteral
    return value
  }

  #skipBlankLines(): void {
    lineEnds.lastIndex = this.#position
    this.#position += lineEnds.exec(this.#source)?.[0].length ?? 0
  }

  #skip(): void {
    const pattern = this.#depth > 0 ? skippedInBrackets : skipped
    pattern.lastIndex = this.#position
    this.#position += pattern.exec(this.#source)?.[0].length ?? 0
  }

  #peek(): string {
    this.#skip()
    return this.#source.charAt(this.#position)
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#position++
    return true
  }

  #expect(char: string): void {
    if (!this.#take(char)) throw noLiteral
  }

  /** Values with commas between them are a tuple. */
  #tupleOrValue(ended: () => boolean): Value {
    const first = this.#value()
    if (this.#peek() !== ',') return first
    const items = [first]
    while (this.#take(',')) {
      this.#skip()
      if (ended()) break
      items.push(this.#value())
    }
    return new PyTuple(items)
  }

  #value(): Value {
    const char = this.#peek()
    if (char === '[') return this.#list()
    if (char === '(') return this.#parenthesis()
    if (char === '{') return this.#braces()
    if (this.#source.startsWith('...', this.#position)) return this.#ellipsis()
    const isSign = char === '-' || char === '+'
    if (isSign || char === '.' || (char >= '0' && char <= '9')) return this.#number()
    return this.#strings() ?? this.#name()
  }

  #ellipsis(): Value {
    this.#position += 3
    return ellipsis
  }

  #name(): Value {
    word.lastIndex = this.#position
    const name = word.exec(this.#source)?.[0] ?? ''
    this.#position += name.length
    switch (name) {
      case 'None':
        return null
      case 'True':
        return true
      case 'False':
        return false
      case 'set':
        this.#expect('(')
        this.#depth++
        this.#expect(')')
        this.#depth--
        return new PySet([])
      default:
        throw noLiteral
    }
  }

  #enter(): void {
    this.#position++
    if (++this.#depth > maxNesting) throw noLiteral
  }

  #leave(close: string): void {
    this.#expect(close)
    this.#depth--
  }

  #list(): Value {
    this.#enter()
    const items = this.#items(']')
    this.#leave(']')
    return items
  }

  #items(close: string): Value[] {
    const items: Value[] = []
    while (this.#peek() !== close) {
      items.push(this.#value())
      if (!this.#take(',')) break
    }
    return items
  }

  #parenthesis(): Value {
    this.#enter()
    if (this.#peek() === ')') {
      this.#leave(')')
      return new PyTuple([])
    }
    const value = this.#tupleOrValue(() => this.#peek() === ')')
    this.#leave(')')
    return this.#sum(value)
  }

  #braces(): Value {
    this.#enter()
    if (this.#peek() === '}') {
      this.#leave('}')
      return dictOf([])
    }
    const first = this.#value()
    if (!isHashable(first)) throw noLiteral
    const value = this.#peek() === ':' ? this.#dict(first) : this.#set(first)
    this.#leave('}')
    return value
  }

  #dict(firstKey: Value): Value {
    const entries: [Value, Value][] = []
    let key = firstKey
    for (;;) {
      this.#expect(':')
      entries.push([key, this.#value()])
      if (!this.#take(',') || this.#peek() === '}') return dictOf(entries)
      key = this.#value()
      if (!isHashable(key)) throw noLiteral
    }
  }

  #set(first: Value): Value {
    const items = [first]
    while (this.#take(',') && this.#peek() !== '}') {
      const item = this.#value()
      if (!isHashable(item)) throw noLiteral
      if (!contains(items, item)) items.push(item)
    }
    return new PySet(items)
  }

  /** `'a' "b"` is one text; undefined if none begins here. */
  #strings(): Value | undefined {
    let all: string | Uint8Array | undefined
    for (;;) {
      this.#skip()
      const part = readString(this.#source, this.#position)
      if (part === undefined) return all
      if (part === 'malformed') throw noLiteral
      this.#position = part.end
      if (all === undefined) all = part.value
      else if (typeof all === 'string' && typeof part.value === 'string') all += part.value
      else if (typeof all !== 'string' && typeof part.value !== 'string')
        all = new Uint8Array(Buffer.concat([all, part.value]))
      else throw noLiteral
    }
  }

  #number(): Value {
    const char = this.#peek()
    if (char === '-' || char === '+') {
      this.#position++
      const value = this.#unsigned()
      return this.#sum(char === '-' ? negated(value) : value)
    }
    return this.#sum(this.#unsigned())
  }

  /** A number without a sign, maybe in parentheses: the value of an imaginary one is a `Imaginary`. */
  #unsigned(): Value {
    if (this.#peek() === '(') {
      this.#enter()
      const value = this.#unsigned()
      this.#leave(')')
      return value
    }
    const number = readNumber(this.#source, this.#position)
    if (number === undefined) throw noLiteral
    this.#position = number.end
    return number.imaginary ? complex(0, Number(number.value)) : asValue(number.value)
  }

  #sum(left: Value): Value {
    const sign = this.#peek()
    if (sign !== '+' && sign !== '-') return left
    const real = typeof left === 'bigint' || typeof left === 'number' ? Number(left) : undefined
    const leftReal = left instanceof PyFloat ? left.value : real
    this.#position++
    this.#skip()
    const number = readNumber(this.#source, this.#position)
    if (leftReal === undefined || number?.imaginary !== true) throw noLiteral
    this.#position = number.end
    return complex(leftReal, sign === '-' ? -Number(number.value) : Number(number.value))
  }
}

function asValue(value: bigint | number): Value {
  return typeof value === 'bigint' ? int(value) : float(value)
}

function negated(value: Value): Value {
  if (typeof value === 'bigint') return int(-value)
  if (value instanceof PyFloat) return float(-value.value)
  if (typeof value === 'number') return Number.isInteger(value) ? 0 - value : -value
  return value
}
