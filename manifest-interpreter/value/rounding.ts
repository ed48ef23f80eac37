import { isFloat, numeric } from './number.ts'
import { floorDivide } from './int-float.ts'
import { typeError } from './python-error.ts'
import { typeName } from './type-name.ts'
import { float, int, type Value } from './value.ts'

/** round(value, digits): half to even; an int stays an int. */
export function round(value: Value, digits: number): Value {
  const number = numeric(value)
  if (number === undefined) {
    throw typeError(`type ${typeName(value)} doesn't define __round__ method`)
  }
  if (!isFloat(value)) return digits >= 0 ? number : int(roundInteger(BigInt(number), -digits))
  const size = Number(number)
  if (!Number.isFinite(size) || Math.abs(size) >= 1e21) return float(size)
  if (digits < 0) {
    const unit = 10 ** -digits
    return float(
      Number(nearestEven((Math.abs(size) / unit).toFixed(60), 0)) * unit * Math.sign(size),
    )
  }
  // Beyond this, every digit of a double is retained.
  if (digits > 40) return float(size)
  const rounded = Number(nearestEven(Math.abs(size).toFixed(Math.min(100, digits + 59)), digits))
  return float(size < 0 || Object.is(size, -0) ? -rounded : rounded)
}

function roundInteger(value: bigint, digits: number): bigint {
  const unit = 10n ** BigInt(Math.min(digits, 5000))
  const low = floorDivide(value, unit) * unit
  const rest = value - low
  const isOdd = (low / unit) % 2n !== 0n
  return rest * 2n > unit || (rest * 2n === unit && isOdd) ? low + unit : low
}

/** A decimal text, of which `toFixed` gave the exact digits, with fewer of them. */
export function nearestEven(decimal: string, digits: number): string {
  const [whole = '', fraction = ''] = decimal.split('.')
  const shortened = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'))
  const dropped = fraction.slice(digits)
  const isTie = /^50*$/.test(dropped)
  const isUp = isTie ? shortened % 2n === 1n : dropped >= '5'
  const text = String(isUp ? shortened + 1n : shortened).padStart(digits + 1, '0')
  if (digits === 0) return text
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`
}
