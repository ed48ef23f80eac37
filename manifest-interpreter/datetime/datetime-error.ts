import { PythonError } from '../value/python-error.ts'

/** True for the errors that the reference catches if a text is not a time of the expected form. */
export function isValueError(error: unknown): error is PythonError {
  return error instanceof PythonError && error.kind === 'ValueError'
}
