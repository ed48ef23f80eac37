import { PythonError } from '../value/python-error.ts'
import { str } from '../value/text.ts'
import { typeName } from '../value/type-name.ts'
import { PyObject, type Value } from '../value/value.ts'

/**
 * The value of an expression. `undefined` is Jinja's Undefined: it prints as nothing, is false and equal to
 * itself, and fails with an UndefinedError if anything else is done with it.
 */
export type Operand = Value | undefined

/** An undefined value as an entry of a list or a dict, which hold no `undefined`. */
const undefinedEntry: PyObject = new PyObject({
  type: 'Undefined',
  truth: () => false,
  repr: () => 'Undefined',
  orderError: () => undefinedError(undefined),
})

/** An attribute that the sandbox refuses: undefined, and a SecurityError if it is used. */
export const unsafeAttribute: PyObject = new PyObject({
  type: 'Undefined',
  truth: () => false,
  repr: () => 'Undefined',
  orderError: () => undefinedError(unsafeAttribute),
})

export function isUndefined(value: Operand): boolean {
  return value === undefined || (value instanceof PyObject && value.traits.type === 'Undefined')
}

/** As a list or a dict holds it. */
export function entryOf(value: Operand): Value {
  return value === undefined ? undefinedEntry : value
}

/** As it comes out of a list or a dict. */
export function operandOf(value: Operand): Operand {
  return value === undefinedEntry ? undefined : value
}

/** The error of an operation on an undefined value. */
export function undefinedError(value: Operand): PythonError {
  return value === unsafeAttribute
    ? new PythonError('SecurityError', 'The template reads an attribute that is not safe.')
    : new PythonError('UndefinedError', 'The template uses a value that is undefined.')
}

/** The value; throws if it is undefined. */
export function defined(value: Operand): Value {
  if (value === undefined || isUndefined(value)) throw undefinedError(value)
  return value
}

/** str(value): nothing for an undefined value. */
export function textOfOperand(value: Operand): string {
  if (typeof value === 'string') return value
  return value === undefined || isUndefined(value) ? '' : str(value)
}

export function typeNameOf(value: Operand): string {
  return value === undefined ? 'Undefined' : typeName(value)
}
