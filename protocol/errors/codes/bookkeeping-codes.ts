import type { ErrorCode } from '../error-code.ts'

/** Errors of the checkpoints that a destination holds. Sorted by name. */
export const bookkeepingCodes = {
  destination_bookkeeping_damaged: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The checkpoints in {host}:{port}/{database} are damaged: {object}: {problem}',
    suggestedFix: '{fix}',
  },
  destination_bookkeeping_newer: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'The tables of schema {schema} at the destination were made by a newer version (migration {found}; this version knows {known})',
    suggestedFix: 'Run the newer version of Reactor Connect.',
  },
  destination_bookkeeping_untrusted: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The checkpoints in {host}:{port}/{database} are not to be trusted by {user}: {object}: {problem}',
    suggestedFix: '{fix}',
  },
} as const satisfies Record<string, ErrorCode>
