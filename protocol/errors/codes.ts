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

/**
 * Every error that a user can see. The code is the page's name in docs/errors/ (a test compares both ways).
 * A hole such as `{host}` is filled from the error's details; details never hold a secret or a record's contents.
 */
export const errorCodes = {
  accounting_mismatch: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message: 'Stream {stream}: {expected} records were read but {actual} arrived; nothing of this batch was committed',
    suggestedFix: 'Run the connection again: it resumes from the last checkpoint. If it happens twice, report it with the run log.',
  },
  fenced: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message: 'Another run of connection {connection} took over stream {stream}',
    suggestedFix: 'Let the newer run finish, or stop it, then start this one again.',
  },
  unexpected: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'Unexpected failure: {reason}',
    suggestedFix: 'Run again with `--log-level debug` and report the output as a bug.',
  },
} as const satisfies Record<string, ErrorCode>

export type ErrorCodeName = keyof typeof errorCodes
