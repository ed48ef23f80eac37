/**
 * Which class of Python's exceptions it is. `LimitError` is ours: a template asked for more work than one
 * may.
 */
export type PythonErrorKind =
  | 'ArithmeticError'
  | 'AssertionError'
  | 'AttributeError'
  | 'IndexError'
  | 'KeyError'
  | 'LimitError'
  | 'OverflowError'
  | 'RuntimeError'
  | 'SecurityError'
  | 'TemplateSyntaxError'
  | 'TypeError'
  | 'UndefinedError'
  | 'UnicodeError'
  | 'ValueError'
  | 'ZeroDivisionError'

/**
 * An error that Python would raise: a TypeError of Python is a PythonError of this kind, and templates turn
 * it into the reference's result. JavaScript's own TypeError and RangeError are thrown in two cases only: for
 * a mistake in this program, and by the YAML reader's scalars, whose RangeErrors become a ManifestError with
 * their line. Mistakes in a manifest are `manifest_component_invalid` (`invalidComponent` in definition.ts),
 * mistakes in a configuration `source_config_invalid`. The kind decides what happens next: a template with a
 * TypeError is taken as plain text, a template with an UndefinedError yields its default. Messages never hold
 * values, which may be records or secrets.
 */
export class PythonError extends Error {
  readonly kind: PythonErrorKind

  constructor(kind: PythonErrorKind, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'PythonError'
    this.kind = kind
  }
}

export function typeError(message: string): PythonError {
  return new PythonError('TypeError', message)
}

export function valueError(message: string): PythonError {
  return new PythonError('ValueError', message)
}

export function limitError(message: string): PythonError {
  return new PythonError('LimitError', message)
}
