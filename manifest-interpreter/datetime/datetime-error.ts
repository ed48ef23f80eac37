import { PythonError } from '../value/python-error.ts'

/** True for what the reference catches where a text is no time of the expected form. */
export function isValueError(error: unknown): error is PythonError {
  return error instanceof PythonError && error.kind === 'ValueError'
}
