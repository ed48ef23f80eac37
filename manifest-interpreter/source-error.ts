import { ConnectError } from '../protocol/errors/connect-error.ts'

/**
 * A failure of a stream or a command, as the reference's AirbyteTracedException. Any other error is a
 * system_error.
 */
export class SourceError extends Error {
  readonly failureType: FailureType
  /** For the logs: never shown to a user as the reason. */
  readonly internalMessage: string | undefined
  /** The stream to which it belongs, if it is not the stream that is read. */
  readonly stream: string | undefined
  /**
   * False if another attempt meets the same error: the API refuses, or its responses and the manifest do not
   * fit together.
   */
  readonly mayPass: boolean
  /**
   * A response that is not in the format of its decoder, or holds no records: see
   * `Environment.unreadableAnswers`.
   */
  readonly isUnreadableAnswer: boolean

  /** `message` is what a user reads. */
  constructor(
    message: string,
    options: {
      readonly failureType: FailureType
      readonly internalMessage?: string
      readonly stream?: string
      /** Default: false only of a `config_error`. */
      readonly mayPass?: boolean
      readonly isUnreadableAnswer?: boolean
      readonly cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
    this.name = 'SourceError'
    this.failureType = options.failureType
    this.internalMessage = options.internalMessage
    this.stream = options.stream
    this.isUnreadableAnswer = options.isUnreadableAnswer ?? false
    this.mayPass = options.mayPass ?? options.failureType !== 'config_error'
  }
}
export type FailureType = 'config_error' | 'transient_error' | 'system_error'

/** Errors of templates, paths, schemas and URLs of a manifest, by their names. */
const lastingErrors = new Set([
  'ConfigError',
  'DpathError',
  'InvalidURL',
  'ManifestError',
  'MissingSchema',
  'OSError',
  'PythonError',
  'RangeError',
  'RuntimeError',
  'TemplateError',
])

/**
 * Whether another attempt may succeed. A response that cannot be decoded may have been cut on its way. An
 * error in the manifest's handling of a response lasts.
 */
export function mayPass(error: unknown): boolean {
  if (error instanceof SourceError) return error.mayPass
  if (error instanceof ConnectError) return error.retryable
  if (!(error instanceof Error)) return true
  // A broken connection is a TypeError of fetch, with its cause.
  if (error instanceof TypeError) return error.cause !== undefined
  return !lastingErrors.has(error.name)
}
