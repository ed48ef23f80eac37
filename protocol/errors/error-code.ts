/** Airbyte's three kinds of failure: the user must act, try again later, or a bug. */
export type FailureType = 'config_error' | 'transient_error' | 'system_error'

/** What is fixed about an error code. `message` and `suggested_fix` may hold `{name}` holes that `details` fills. */
export interface ErrorCode {
  readonly failureType: FailureType
  readonly httpStatus: number
  readonly retryable: boolean
  readonly message: string
  readonly suggestedFix: string
}
