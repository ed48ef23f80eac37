import { addTimes, subtractTimes } from './time-arithmetic.ts'
import { scalarsEqual } from './hashable.ts'
import { divideFloats, modulo, power, floorDivide, trueDivide } from './int-float.ts'
import { index, isFloat, numeric } from './number.ts'
import { limitError, typeError } from './python-error.ts'
import { isTime, multiplyTime } from './time.ts'
import { typeName } from './type-name.ts'
import { PyFloat, PySet, PyTuple, float, int, type Value } from './value.ts'

/** Python's operators, with bounds: a template cannot make a text, a list or an int of any size. */
export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**'

/** Longest text (in UTF-16 units) or list that an operator makes. */
export const maxLength = 10_000_000

export function arithmetic(operator: Operator, left: Value, right: Value): Value {
  const a = numeric(left)
  const b = numeric(right)
  if (a !== undefined && b !== undefined) {
    if (isFloat(left) || isFloat(right)) return floatResult(operator, Number(a), Number(b))
    return intResult(operator, a, b)
  }
  const result = otherResult(operator, left, right)
  if (result !== undefined) return result
  throw typeError(unsupported(operator, left, right))
}

function unsupported(operator: Operator, left: Value, right: Value): string {
  if (operator === '+' && typeof left === 'string') {
    return `can only concatenate str (not "${typeName(right)}") to str`
  }
  return `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`
}

function intResult(operator: Operator, a: number | bigint, b: number | bigint): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const result = safeIntResult(operator, a, b)
    // `+ 0` makes an int of -0.
    if (result !== undefined && Number.isSafeInteger(result)) return result + 0
  }
  switch (operator) {
    case '+':
      return int(BigInt(a) + BigInt(b))
    case '-':
      return int(BigInt(a) - BigInt(b))
    case '*':
      return int(bounded(BigInt(a)) * bounded(BigInt(b)))
    case '/':
      return trueDivide(a, b)
    case '//':
      return int(floorDivide(BigInt(a), BigInt(b)))
    case '%':
      return int(modulo(BigInt(a), BigInt(b)))
    case '**':
      return power(a, b)
  }
}

function safeIntResult(operator: Operator, a: number, b: number): number | undefined {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  return operator === '*' ? a * b : undefined
}

function floatResult(operator: Operator, a: number, b: number): Value {
  switch (operator) {
    case '+':
      return float(a + b)
    case '-':
      return float(a - b)
    case '*':
      return float(a * b)
    case '/':
    case '//':
    case '%':
      return divideFloats(operator, a, b)
    case '**':
      return power(new PyFloat(a), new PyFloat(b))
  }
}

const maxBits = 100_000n

function bounded(value: bigint): bigint {
  if (value >> maxBits !== 0n && value >> maxBits !== -1n) {
    throw limitError('The number is too large.')
  }
  return value
}

function otherResult(operator: Operator, left: Value, right: Value): Value | undefined {
  switch (operator) {
    case '+':
      return sum(left, right)
    case '-':
      return difference(left, right)
    case '*':
      return repeated(left, right) ?? repeated(right, left) ?? multiplyTime('*', left, right)
    case '/':
    case '//':
    case '%':
      return multiplyTime(operator, left, right)
    case '**':
      return undefined
  }
}

function sum(left: Value, right: Value): Value | undefined {
  return isTime(left) && isTime(right) ? addTimes(left, right) : concatenated(left, right)
}

function concatenated(left: Value, right: Value): Value | undefined {
  if (typeof left === 'string' && typeof right === 'string') {
    limitLength(left.length + right.length)
    return left + right
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    limitLength(left.length + right.length)
    return [...left, ...right]
  }
  if (left instanceof PyTuple && right instanceof PyTuple) {
    limitLength(left.items.length + right.items.length)
    return new PyTuple([...left.items, ...right.items])
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return new Uint8Array(Buffer.concat([left, right]))
  }
  return undefined
}

function difference(left: Value, right: Value): Value | undefined {
  if (isTime(left) && isTime(right)) return subtractTimes(left, right)
  if (!(left instanceof PySet) || !(right instanceof PySet)) return undefined
  return new PySet(
    left.items.filter((item) => !right.items.some((other) => scalarsEqual(item, other) === true)),
  )
}

function repeated(items: Value, times: Value): Value | undefined {
  const count = Math.max(0, index(times) ?? Number.NaN)
  if (Number.isNaN(count)) return undefined
  if (typeof items === 'string') {
    limitLength(items.length * count)
    return items.repeat(count)
  }
  if (Array.isArray(items)) return repeatedList(items, count)
  if (items instanceof PyTuple) return new PyTuple(repeatedList(items.items, count))
  return undefined
}

function repeatedList(items: readonly Value[], count: number): Value[] {
  limitLength(items.length * count)
  const all: Value[] = []
  for (let i = 0; i < count && items.length > 0; i++) all.push(...items)
  return all
}

export function limitLength(length: number): void {
  if (length > maxLength) throw limitError(`The value would be longer than ${maxLength}.`)
}

/** `-value` and `+value`. */
export function signed(sign: '-' | '+', value: Value): Value {
  const number = numeric(value)
  if (number === undefined) {
    const negative = sign === '-' ? multiplyTime('*', value, -1) : multiplyTime('*', value, 1)
    if (negative !== undefined) return negative
    throw typeError(`bad operand type for unary ${sign}: '${typeName(value)}'`)
  }
  if (sign === '+') return typeof value === 'boolean' ? Number(value) : value
  if (isFloat(value)) return float(-Number(number))
  return typeof number === 'bigint' ? int(-number) : 0 - number
}
