import { isEmpty } from './dict.ts'
import { PyDate, PyDateTime, PyTimeDelta } from './py-datetime.ts'
import { PyFloat, PyObject, PySet, PyTuple, type Value } from './value.ts'

/** `bool(value)`. Undefined is false. */
export function truth(value: Value | undefined): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string') return value !== ''
  // NaN is true.
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'bigint') return value !== 0n
  return value !== undefined && value !== null && objectTruth(value)
}

function objectTruth(value: Exclude<Value, null>): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof PyFloat) return value.value !== 0
  if (value instanceof PyTuple || value instanceof PySet) return value.items.length > 0
  if (value instanceof Uint8Array) return value.length > 0
  if (value instanceof PyDateTime || value instanceof PyDate) return true
  if (value instanceof PyTimeDelta) return !value.isZero()
  if (value instanceof PyObject) return otherTruth(value)
  return typeof value === 'object' && !isEmpty(value)
}

function otherTruth({ traits }: PyObject): boolean {
  if (traits.text !== undefined) return traits.text !== ''
  if (traits.truth !== undefined) return traits.truth()
  if (traits.mapping !== undefined) return !isEmpty(traits.mapping())
  return traits.size === undefined || traits.size() > 0
}
