import { arithmetic } from '../value/arithmetic.ts'
import { toFloat, toInt } from '../value/conversion.ts'
import { textOf } from '../value/hashable.ts'
import { isFloat, numeric } from '../value/number.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { round } from '../value/rounding.ts'
import { truth } from '../value/truth.ts'
import { PyTimeDelta } from '../value/py-datetime.ts'
import { float, int, type Value } from '../value/value.ts'
import { filterTable, type Filter, type Filters } from './filter.ts'
import { getAttribute, hasAttribute } from './lookup.ts'
import { countArgument, textArgument } from './methods/string-methods.ts'
import {
  defined,
  entryOf,
  isUndefined,
  operandOf,
  typeNameOf,
  undefinedError,
  type Operand,
} from './operand.ts'

/** Jinja's filters on numbers and on values of any kind. */

const orDefault: Filter = {
  required: ['value'],
  optional: { default_value: '', boolean: false },
  run: ([value, otherwise, boolean]) =>
    isUndefined(value) || (truth(boolean) && !truth(value)) ? otherwise : value,
}

/** Undefined if the conversion fails as the filter expects. */
function attempt(kinds: readonly string[], convert: () => Value): Value | undefined {
  try {
    return convert()
  } catch (error) {
    if (error instanceof PythonError && kinds.includes(error.kind)) return undefined
    throw error
  }
}

function intOrDefault([value, otherwise, base]: readonly Operand[]): Operand {
  const source = defined(value)
  const exact = attempt(['TypeError', 'ValueError'], () =>
    toInt(source, textOf(source) === undefined ? 10 : countArgument(base)),
  )
  if (exact !== undefined) return exact
  const rounded = attempt(['TypeError', 'ValueError', 'OverflowError'], () =>
    toInt(toFloat(source)),
  )
  return rounded ?? operandOf(otherwise)
}

function floatOrDefault([value, otherwise]: readonly Operand[]): Operand {
  const source = defined(value)
  const number = attempt(['TypeError', 'ValueError'], () => toFloat(source))
  return number ?? operandOf(otherwise)
}

function absolute(value: Operand): Value {
  const source = entryOf(value)
  if (source instanceof PyTimeDelta) return source.micros < 0n ? source.negated() : source
  const number = numeric(source)
  if (number === undefined) throw typeError(`bad operand type for abs(): '${typeNameOf(source)}'`)
  if (isFloat(source)) return float(Math.abs(Number(number)))
  return number < 0 ? int(-BigInt(number)) : number
}

function rounded([value, precision, method]: readonly Operand[]): Value {
  const digits = countArgument(precision)
  if (method === 'common') return round(entryOf(value), digits)
  if (method !== 'ceil' && method !== 'floor') {
    throw valueError('method must be common, ceil or floor')
  }
  const source = defined(value)
  const unit = arithmetic('**', 10, digits)
  const scaled = numeric(arithmetic('*', source, unit))
  if (scaled === undefined) throw typeError('must be real number')
  const whole = method === 'ceil' ? Math.ceil(Number(scaled)) : Math.floor(Number(scaled))
  return arithmetic('/', typeof scaled === 'bigint' ? int(scaled) : int(BigInt(whole)), unit)
}

export const valueFilters: Filters = filterTable({
  default: orDefault,
  d: orDefault,
  int: { required: ['value'], optional: { default: 0, base: 10 }, run: intOrDefault },
  float: { required: ['value'], optional: { default: float(0) }, run: floatOrDefault },
  abs: { required: ['x'], run: ([value]) => absolute(value) },
  round: {
    required: ['value'],
    optional: { precision: 0, method: 'common' },
    run: rounded,
  },
  attr: {
    required: ['obj', 'name'],
    run: ([object, name], { budget }) => {
      const attribute = textArgument(name)
      if (object === undefined || isUndefined(object)) throw undefinedError(object)
      return hasAttribute(object, attribute, budget)
        ? getAttribute(object, attribute, budget)
        : undefined
    },
  },
})
