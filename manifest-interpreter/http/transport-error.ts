/** No response came. `kind` is what the reference's exception classes tell apart; the message is safe to show. */
export class TransportError extends Error {
  readonly kind: 'connection' | 'timeout' | 'invalid-url' | 'invalid-scheme' | 'refused-address'

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
