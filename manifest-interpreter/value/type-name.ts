import { PyDate, PyDateTime, PyTimeDelta } from './py-datetime.ts'
import { PyFloat, PyObject, PySet, PyTuple, type Value } from './value.ts'

/** The name of a value's class in Python, as its error messages have it. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return objectTypeName(value)
}

function objectTypeName(value: object): string {
  if (Array.isArray(value)) return 'list'
  if (value instanceof PyFloat) return 'float'
  if (value instanceof PyTuple) return 'tuple'
  if (value instanceof PySet) return 'set'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof PyDateTime) return 'datetime.datetime'
  if (value instanceof PyDate) return 'datetime.date'
  if (value instanceof PyTimeDelta) return 'datetime.timedelta'
  if (value instanceof PyObject) return value.traits.type
  return 'dict'
}
