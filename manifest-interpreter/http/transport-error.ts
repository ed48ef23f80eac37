/**
 * No response came, or none that can be used. `kind` follows the reference's exception classes; `limit` is
 * ours: the response is larger than allowed, and would be the next time. The message is safe to show.
 */
export class TransportError extends Error {
  readonly kind:
    | 'connection'
    | 'timeout'
    | 'invalid-url'
    | 'invalid-scheme'
    | 'refused-address'
    | 'refused-redirect'
    | 'limit'

  constructor(
    kind: TransportError['kind'],
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options)
    this.name = 'TransportError'
    this.kind = kind
  }
}
