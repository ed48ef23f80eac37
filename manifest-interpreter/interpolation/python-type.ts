import { isComplex } from '../value/complex.ts'
import { isDict } from '../value/dict.ts'
import { isFloat, isInt } from '../value/number.ts'
import { PyTuple, type Value } from '../value/value.ts'

/** A type that the result of a template may be restricted to. */
export type PythonType =
  'str' | 'int' | 'float' | 'bool' | 'list' | 'dict' | 'tuple' | 'complex' | 'NoneType'

/** isinstance: a bool is an int, too. */
export function isInstance(value: Value, type: PythonType): boolean {
  switch (type) {
    case 'str':
      return typeof value === 'string'
    case 'int':
      return isInt(value) || typeof value === 'boolean'
    case 'float':
      return isFloat(value)
    case 'bool':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value)
    case 'dict':
      return isDict(value)
    case 'tuple':
      return value instanceof PyTuple
    case 'complex':
      return isComplex(value)
    case 'NoneType':
      return value === null
  }
}
