import { PythonError } from '../value/python-error.ts'

/** The template cannot be read. */
export function syntaxError(message: string): PythonError {
  return new PythonError('TemplateSyntaxError', message)
}
