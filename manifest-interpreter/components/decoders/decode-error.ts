/** The errors that Python's readers raise on a body that they cannot read. */
export type DecodeErrorName =
  | 'BadGzipFile'
  | 'EOFError'
  | 'Error'
  | 'IncompleteJSONError'
  | 'LookupError'
  | 'ParserError'
  | 'UnicodeDecodeError'
  | 'error'

/**
 * A body that is not what its decoder expects. The name is shown to the user; the message never holds a part
 * of the body.
 */
export class DecodeError extends Error {
  constructor(name: DecodeErrorName, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = name
  }
}
