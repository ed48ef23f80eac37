import { numeric } from './number.ts'
import type { Value } from './value.ts'

/** Python's `float()` of a number or of a text that spells one; null if it would raise. */
export function toNumber(value: Value): number | null {
  if (typeof value !== 'string') {
    const number = numeric(value)
    return number === undefined ? null : Number(number)
  }
  const text = value.trim()
  if (
    /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i.test(text)
  )
    return Number(text.replaceAll('_', ''))
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i.exec(text)
  if (special === null) return null
  if (special[2] === undefined) return NaN
  return special[1] === '-' ? -Infinity : Infinity
}
