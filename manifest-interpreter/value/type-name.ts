import { PyDate, PyDateTime, PyTimeDelta } from '../datetime/py-datetime.ts'
import { PyFloat, PyObject, PySet, PyTuple, type Value } from './value.ts'

/** The name of a value's class in Python, as its error messages have it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'string':
      return 'str'
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float'
    case 'object':
      return value === null ? 'NoneType' : objectTypeName(value)
  }
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
