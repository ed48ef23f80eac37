/** Airbyte's three kinds of failure: the user must act, try again later, or a bug. */
export type FailureType = 'config_error' | 'transient_error' | 'system_error'

/**
 * The constant parts of an error code. `message` and `suggested_fix` may contain placeholders that `details`
 * fills: `{name}`, or `{name:word}` in a command for a shell.
 */
export interface ErrorCode {
  readonly failureType: FailureType
  readonly httpStatus: number
  readonly retryable: boolean
  readonly message: string
  readonly suggestedFix: string
}
