import type { ErrorCode } from '../error-code.ts'

/** Errors of two-way sync. Sorted by name. */
export const twoWayCodes = {
  conflict_rules_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The conflict rules are not valid: {problem}',
    suggestedFix: '{fix}',
  },
  pair_busy: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'Another run of the pair {pair} is at work',
    suggestedFix: 'Wait until it has ended, then run the command again.',
  },
  pair_file_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  pair_lock_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'The session that keeps other runs of the pair {pair} away was lost; the run has stopped before its next write',
    suggestedFix: 'Run the pair again: writes whose result was lost are looked up first.',
  },
  pair_review_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Review {id} cannot be resolved like this: {problem}',
    suggestedFix: '{fix}',
  },
  pair_review_unknown: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'The pair {pair} has no open review {id}',
    suggestedFix:
      'Run `reactor connect pair review list` with the same file: it shows those that are open.',
  },
  pair_stream_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} of the pair cannot be kept the same on both sides: {problem}',
    suggestedFix: '{fix}',
  },
  pair_token_invalid: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The token does not fit what the pair would do now: {problem}',
    suggestedFix:
      'Run the command with `--preview` again, look at what it shows, and use the token that it prints.',
  },
  pair_token_required: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The first alignment of the pair {pair} would create {count} records, more than its limit of {limit}: nothing was written',
    suggestedFix:
      'Run the command with `--preview`, look at what it shows, and run it with the token that it prints, or raise `create_limit`.',
  },
  two_way_side_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'PostgreSQL at {host}:{port}, database {database}, refuses a statement of the two-way sync: {reason} (SQLSTATE {sqlstate})',
    suggestedFix:
      'Give the user of this side the right to read and write the tables of the pair, and to create a schema `reactor_connect` in its database; then run it again.',
  },
  two_way_side_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'A side of the pair, PostgreSQL at {host}:{port}, cannot be reached: {reason}',
    suggestedFix:
      'Check that the server runs and can be reached from here, then run the pair again: a write whose result was lost is looked up first.',
  },
} as const satisfies Record<string, ErrorCode>
