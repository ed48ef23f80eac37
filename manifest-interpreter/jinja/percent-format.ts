import { limitLength } from '../value/arithmetic.ts'
import { toFloat, toInt } from '../value/conversion.ts'
import { textOf } from '../value/hashable.ts'
import { get, isDict } from '../value/dict.ts'
import { index, isInt, numeric } from '../value/number.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { repr, str } from '../value/text.ts'
import { PyTuple, type Value } from '../value/value.ts'
import { formatFloat, formatInt, type Spec } from './format-spec.ts'
import { codePointLength, codePoints } from './iterate.ts'
import {
  defined,
  entryOf,
  isUndefined,
  textOfOperand,
  undefinedError,
  type Operand,
} from './operand.ts'

const conversion = /%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d{1,7})?(?:\.(\*|\d{0,7}))?[hlL]?(.)?/gs

/** `format % args`: a tuple fills the places in order, a dict by name, anything else the only place. */
export function percentFormat(format: string, args: Operand): string {
  const values = new Values(args)
  let text = ''
  let position = 0
  for (const match of format.matchAll(conversion)) {
    text += format.slice(position, match.index) + place(match, values)
    limitLength(text.length)
    position = match.index + match[0].length
  }
  values.end()
  return text + format.slice(position)
}

function place(
  [, name, flags = '', width = '', precision, type]: RegExpExecArray,
  values: Values,
): string {
  if (type === '%') return '%'
  if (type === undefined) throw valueError('incomplete format')
  const size = width === '*' ? values.count() : Number(width)
  const digits = precision === '*' ? values.count() : precision
  const spec = specOf(flags, size, digits === undefined ? undefined : Number(digits))
  return formatted(values.take(name), type, spec)
}

class Values {
  readonly #args: Operand
  readonly #items: readonly Operand[]
  #position = 0

  constructor(args: Operand) {
    this.#args = args
    this.#items = args instanceof PyTuple ? args.items : [args]
  }

  take(name: string | undefined): Value {
    if (name !== undefined) return this.#named(name)
    if (this.#position >= this.#items.length)
      throw typeError('not enough arguments for format string')
    return entryOf(this.#items[this.#position++])
  }

  #named(name: string): Value {
    if (isUndefined(this.#args)) throw undefinedError(this.#args)
    if (!isDict(this.#args)) throw typeError('format requires a mapping')
    const value = get(this.#args, name)
    if (value === undefined) throw new PythonError('KeyError', 'The format names a missing key.')
    this.#position = this.#items.length
    return value
  }

  count(): number {
    const value = index(this.take(undefined))
    if (value === undefined) throw typeError('* wants int')
    return value
  }

  end(): void {
    if (this.#position < this.#items.length && !hasEntries(this.#args)) {
      throw typeError('not all arguments converted during string formatting')
    }
  }
}

/** Whether Python takes the value for a mapping here. In that case none of its entries need to be used. */
function hasEntries(args: Operand): boolean {
  return isUndefined(args) || Array.isArray(args) || args instanceof Uint8Array || isDict(args)
}

function specOf(flags: string, width: number, precision: number | undefined): Spec {
  limitLength(Math.abs(width))
  limitLength(precision ?? 0)
  const isLeft = flags.includes('-') || width < 0
  const isZero = flags.includes('0') && !isLeft
  const plusOrBlank = flags.includes(' ') ? ' ' : '-'
  const align = isZero ? '=' : '>'
  return {
    fill: isZero ? '0' : ' ',
    align: isLeft ? '<' : align,
    sign: flags.includes('+') ? '+' : plusOrBlank,
    alternate: flags.includes('#'),
    width: Math.abs(width),
    grouping: '',
    precision,
    type: '',
  }
}

function formatted(value: Value, type: string, spec: Spec): string {
  if ('diu'.includes(type)) return integer(defined(value), { ...spec, type: 'd' })
  if ('eEfFgG'.includes(type)) {
    if (textOf(value) !== undefined) throw typeError('must be real number, not str')
    return formatFloat(Number(numeric(toFloat(defined(value)))), { ...spec, type })
  }
  if ('oxX'.includes(type)) {
    if (isInt(value) || typeof value === 'boolean') return integer(value, { ...spec, type })
    throw typeError(`%${type} format: an integer is required`)
  }
  if (type === 's') return padText(textOfOperand(value), spec)
  if (type === 'c') return padText(charOf(value), spec)
  if (type === 'r') return padText(repr(value), spec)
  if (type !== 'a') throw valueError('unsupported format character')
  return padText(repr(value).replace(/[^\x00-\x7f]/gu, escaped), spec)
}

function integer(value: Value, spec: Spec): string {
  if (numeric(value) === undefined) {
    throw typeError(`%${spec.type} format: a real number is required, not ${str(typeof value)}`)
  }
  const number = BigInt(toInt(value))
  const digits = formatInt(number < 0n ? -number : number, { ...spec, width: 0, sign: '-' })
  const least = digits.padStart(spec.precision ?? 0, '0')
  const shown = number < 0n ? `-${least}` : (spec.sign === '-' ? '' : spec.sign) + least
  if (spec.align !== '=') return padText(shown, { ...spec, precision: undefined })
  const sign = /^[-+ ]?/.exec(shown)?.[0] ?? ''
  return sign + shown.slice(sign.length).padStart(spec.width - sign.length, '0')
}

function padText(text: string, spec: Spec): string {
  const cut =
    spec.precision === undefined ? text : codePoints(text).slice(0, spec.precision).join('')
  const fill = ' '.repeat(Math.max(0, spec.width - codePointLength(cut)))
  return spec.align === '<' ? cut + fill : fill + cut
}

function charOf(value: Value): string {
  if (typeof value === 'string' && codePointLength(value) === 1) return value
  const code = index(value)
  if (code === undefined) throw typeError('%c requires int or char')
  if (code < 0 || code > 0x10ffff) {
    throw new PythonError('OverflowError', '%c arg not in range(0x110000)')
  }
  return String.fromCodePoint(code)
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`
}
