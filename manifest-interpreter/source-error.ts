/** A failure of a stream or a command, as the reference's AirbyteTracedException. Any other error is a system_error. */
export class SourceError extends Error {
  readonly failureType: FailureType
  /** For the logs: never shown to a user as the reason. */
  readonly internalMessage: string | undefined
  /** The stream it belongs to, where it differs from the one that is read. */
  readonly stream: string | undefined

  /** `message` is what a user reads. */
  constructor(
    message: string,
    options: {
      readonly failureType: FailureType
      readonly internalMessage?: string
      readonly stream?: string
      readonly cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
    this.name = 'SourceError'
    this.failureType = options.failureType
    this.internalMessage = options.internalMessage
    this.stream = options.stream
  }
}
export type FailureType = 'config_error' | 'transient_error' | 'system_error'
