import { isDict, isEmpty } from '../value/dict.ts'
import { numeric } from '../value/number.ts'
import { PySet, PyTuple, type Value } from '../value/value.ts'

const falseTexts: ReadonlySet<string> = new Set([
  'False',
  'false',
  '{}',
  '[]',
  '()',
  '',
  '0',
  '0.0',
])

/** Whether a condition takes the value for false, in any form to which it was rendered. */
export function isFalse(value: Value): boolean {
  if (value === null) return true
  if (typeof value === 'string') return falseTexts.has(value)
  if (Array.isArray(value)) return value.length === 0
  if (value instanceof PyTuple || value instanceof PySet) return value.items.length === 0
  const number = numeric(value)
  if (number !== undefined) return Number(number) === 0
  return isDict(value) && isEmpty(value)
}
