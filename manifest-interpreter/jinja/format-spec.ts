import { PyDate, PyDateTime } from '../value/py-datetime.ts'
import { strftime } from '../datetime/strftime.ts'
import { limitLength } from '../value/arithmetic.ts'
import { toFloat } from '../value/conversion.ts'
import { textOf } from '../value/hashable.ts'
import { isFloat, numeric } from '../value/number.ts'
import { typeError, valueError } from '../value/python-error.ts'
import { nearestEven } from '../value/rounding.ts'
import { floatText, str } from '../value/text.ts'
import { typeName } from '../value/type-name.ts'
import type { Value } from '../value/value.ts'
import { codePointLength, codePoints } from './iterate.ts'

/**
 * A format specification, as in `'{:>10.2f}'`: [[fill]align][sign][#][0][width][grouping][.precision][type].
 */
export interface Spec {
  readonly fill: string
  readonly align: '<' | '>' | '=' | '^' | ''
  readonly sign: '+' | '-' | ' '
  readonly alternate: boolean
  readonly width: number
  readonly grouping: '' | ',' | '_'
  readonly precision: number | undefined
  readonly type: string
}

const specPattern =
  /^(?:([^])?([<>=^]))?([-+ ])?z?(#)?(0)?(\d{0,7})([,_])?(?:\.(\d{1,7}))?([a-zA-Z%])?$/u

/** format(value, spec). */
export function format(value: Value, source: string): string {
  if (source === '') return str(value)
  if (value instanceof PyDateTime || value instanceof PyDate) return strftime(value, source)
  const spec = parseSpec(source)
  const text = textOf(value)
  if (text !== undefined) return formatText(text, spec)
  const number = numeric(value)
  if (number === undefined) {
    throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`)
  }
  return isFloat(value) || (spec.type !== '' && 'eEfFgG%'.includes(spec.type))
    ? formatFloat(Number(numeric(toFloat(value))), spec)
    : formatInt(BigInt(number), spec)
}

function parseSpec(source: string): Spec {
  const match = specPattern.exec(source)
  if (match === null) throw valueError('Invalid format specifier')
  const [, fill, align, sign, alternate, zero, width, grouping, precision, type] = match
  limitLength(Number(width ?? 0))
  limitLength(Number(precision ?? 0))
  const isZeroFilled = zero !== undefined
  return {
    fill: fill ?? (isZeroFilled ? '0' : ' '),
    align: alignOf(align, isZeroFilled),
    sign: oneOf(sign, ['+', ' ']) ?? '-',
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    grouping: oneOf(grouping, [',', '_']) ?? '',
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? '',
  }
}

function alignOf(align: string | undefined, isZeroFilled: boolean): Spec['align'] {
  return oneOf(align, ['<', '>', '=', '^']) ?? (isZeroFilled ? '=' : '')
}

function oneOf<const Text extends string>(
  text: string | undefined,
  known: readonly Text[],
): Text | undefined {
  return known.find((option) => option === text)
}

function formatText(text: string, spec: Spec): string {
  if (spec.type !== '' && spec.type !== 's') {
    throw valueError(`Unknown format code '${spec.type}' for object of type 'str'`)
  }
  if (spec.grouping !== '') throw valueError(`Cannot specify '${spec.grouping}' with 's'.`)
  const cut =
    spec.precision === undefined ? text : codePoints(text).slice(0, spec.precision).join('')
  return padded('', cut, {
    ...spec,
    align: spec.align === '' || spec.align === '=' ? '<' : spec.align,
  })
}

/** Fills up to the width; a sign stays in front when zeros fill. */
function padded(sign: string, body: string, spec: Spec): string {
  const missing = Math.max(0, spec.width - codePointLength(sign + body))
  switch (spec.align) {
    case '<':
      return sign + body + spec.fill.repeat(missing)
    case '^': {
      const left = Math.floor(missing / 2)
      return spec.fill.repeat(left) + sign + body + spec.fill.repeat(missing - left)
    }
    case '=':
      return sign + spec.fill.repeat(missing) + body
    case '>':
    case '':
      return spec.fill.repeat(missing) + sign + body
  }
}

function signOf(isNegative: boolean, spec: Spec): string {
  if (isNegative) return '-'
  return spec.sign === '-' ? '' : spec.sign
}

function grouped(digits: string, spec: Spec, size = 3): string {
  if (spec.grouping === '') return digits
  const [whole = '', ...rest] = digits.split(/(?=[.eE%])/)
  const groups = whole.replace(new RegExp(`\\B(?=(?:.{${size}})+$)`, 'g'), spec.grouping)
  return groups + rest.join('')
}

const radixes: Readonly<Record<string, readonly [number, string]>> = {
  b: [2, '0b'],
  o: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
}

export function formatInt(value: bigint, spec: Spec): string {
  const size = value < 0n ? -value : value
  const sign = signOf(value < 0n, spec)
  if (spec.type === '' || spec.type === 'd' || spec.type === 'n') {
    return padded(sign, grouped(String(size), spec), spec)
  }
  if (spec.type === 'c') return padded('', String.fromCodePoint(Number(value)), spec)
  const radix = radixes[spec.type]
  if (radix === undefined) {
    throw valueError(`Unknown format code '${spec.type}' for object of type 'int'`)
  }
  const digits = grouped(size.toString(radix[0]), spec, 4)
  const prefix = spec.alternate ? radix[1] : ''
  return padded(sign + prefix, spec.type === 'X' ? digits.toUpperCase() : digits, spec)
}

export function formatFloat(value: number, spec: Spec): string {
  const isNegative = value < 0 || Object.is(value, -0)
  const sign = signOf(isNegative, spec)
  const size = Math.abs(value)
  if (!Number.isFinite(value)) {
    const word = Number.isNaN(value) ? 'nan' : 'inf'
    const shown = /[EFG]/.test(spec.type) ? word.toUpperCase() : word
    return padded(sign, spec.type === '%' ? `${shown}%` : shown, {
      ...spec,
      fill: spec.fill === '0' ? '0' : spec.fill,
    })
  }
  return padded(sign, grouped(floatDigits(size, spec), spec), spec)
}

function floatDigits(size: number, spec: Spec): string {
  const precision = Math.min(spec.precision ?? 6, 340)
  switch (spec.type) {
    case 'f':
    case 'F':
      return fixed(size, precision)
    case '%':
      return `${fixed(size * 100, precision)}%`
    case 'e':
      return exponential(size, precision)
    case 'E':
      return exponential(size, precision).toUpperCase()
    case 'g':
    case 'n':
      return general(size, precision, spec.alternate)
    case 'G':
      return general(size, precision, spec.alternate).toUpperCase()
    case '':
      return spec.precision === undefined
        ? floatText(size)
        : shortest(general(size, precision, spec.alternate))
    default:
      throw valueError(`Unknown format code '${spec.type}' for object of type 'float'`)
  }
}

/** Without a type, a float keeps one digit behind the point. */
function shortest(digits: string): string {
  return /[.e]/.test(digits) ? digits : `${digits}.0`
}

export function fixed(size: number, precision: number): string {
  if (size >= 1e21)
    return BigInt(size).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '')
  if (precision > 40) return size.toFixed(Math.min(100, precision)).padEnd(precision, '0')
  return nearestEven(size.toFixed(Math.min(100, precision + 59)), precision)
}

function exponential(size: number, precision: number): string {
  const [digits = '', exponent = ''] = size.toExponential(Math.min(100, precision)).split('e')
  return `${digits}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`
}

function general(size: number, precision: number, alternate: boolean): string {
  const digits = Math.max(1, precision)
  const exponent =
    size === 0 ? 0 : Number(size.toExponential(Math.min(100, digits - 1)).split('e')[1])
  const isPlain = exponent >= -4 && exponent < digits
  const text = isPlain ? fixed(size, digits - 1 - exponent) : exponential(size, digits - 1)
  if (alternate || !text.includes('.')) return text
  return text.replace(/\.?0+(?=e|$)/, '')
}
