import { numeric } from '../value/number.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { typeName } from '../value/type-name.ts'
import { PyFloat, type Value } from '../value/value.ts'

/** int(value): digits with a sign, with underscores between them, with space around. */
export function pythonInt(value: Value): bigint {
  if (typeof value === 'string') {
    const text = value.trim()
    if (!/^[+-]?\d+(?:_\d+)*$/.test(text))
      throw valueError('invalid literal for int() with base 10')
    const digits = text.replaceAll('_', '')
    return BigInt(digits.startsWith('+') ? digits.slice(1) : digits)
  }
  const number = numeric(value)
  if (number === undefined)
    throw typeError(`int() argument must be a string or a real number, not '${typeName(value)}'`)
  if (typeof number === 'bigint') return number
  if (Number.isNaN(number)) throw valueError('cannot convert float NaN to integer')
  if (!Number.isFinite(number))
    throw new PythonError('OverflowError', 'cannot convert float infinity to integer')
  return BigInt(Math.trunc(number))
}

/** float(value). */
export function pythonFloat(value: Value): number {
  if (value instanceof PyFloat) return value.value
  if (typeof value === 'string') return floatOf(value.trim().replaceAll(/(?<=\d)_(?=\d)/g, ''))
  const number = numeric(value)
  if (number === undefined)
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`)
  return Number(number)
}

function floatOf(text: string): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text)
  if (/^[+-]?nan$/i.test(text)) return Number.NaN
  if (/^[+-]?inf(?:inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  throw valueError('could not convert string to float')
}
