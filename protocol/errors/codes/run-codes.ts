import type { ErrorCode } from '../error-code.ts'

/** Errors of a run in the engine. Sorted by name. */
export const runCodes = {
  accounting_mismatch: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Stream {stream}: {expected} records were read but {actual} arrived; nothing of this batch was committed',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens twice, look for triggers and rules on the destination table that leave rows out, and drop them; otherwise report it with the run log.',
  },
  comparison_limit_reached: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message:
      'This service is already running {limit} comparisons, the most that it runs at the same time',
    suggestedFix: 'Repeat the same request in {seconds} seconds.',
  },
  comparison_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The rows of {subject} cannot be compared: {problem}',
    suggestedFix: '{fix}',
  },
  fenced: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} of connection {connection} was taken over by {by}; this run loads no more of it',
    suggestedFix:
      'Let the newer run finish: no row is lost or doubled. Run a connection in one place at a time.',
  },
  records_all_rejected: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'All {rejected} records of stream {stream} were rejected, so {table} would be emptied; its rows were left as they were',
    suggestedFix:
      'Look at the reasons: the warning of the stream names the first one, {rejections} has them all. Correct the source, or the key or schema of the stream; then run the connection again.',
  },
  sandbox_stopped: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'The sandbox of connection {connection} was stopped before its end; nothing of it is left',
    suggestedFix: 'Run `reactor connect connections sandbox {connection}` again.',
  },
  state_missing: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message:
      'Connector {connector} ended slice "{slice}" of stream {stream} without a state that covers its last records',
    suggestedFix:
      'Report it to the maintainers of the connector. The records after the last state were not committed.',
  },
  transform_failed: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'The function {function} did not transform the records of stream {stream}: {reason}',
    suggestedFix:
      'Look at the function and its log, and run the connection again: no row is lost or doubled. docs/functions.md says what a function has to respond with.',
  },
  transform_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'The response of the function {function} cannot be used for the records of stream {stream}: {reason}',
    suggestedFix:
      'Correct the function as docs/functions.md says, and run the connection again. Nothing of the records that it was called with was loaded.',
  },
  transform_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'The records of stream {stream} are to be transformed by the function {function}, but no Functions service is set',
    suggestedFix:
      'Set `functions.url` (and `functions.api_key`) in the settings and restart the service, or in the run file; or remove `transform` from the stream.',
  },
  transform_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The function {function} refused the records of stream {stream}: {reason}',
    suggestedFix:
      'Check that the function exists under this name, and that `functions.url` and `functions.api_key` are right; then run the connection again.',
  },
  worker_died: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message: 'A worker thread died: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens again, report it with the log of the service, or of `reactor connect run` with `--log-level debug`.',
  },
  worker_out_of_memory: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'A worker thread needed more heap than its limit allows',
    suggestedFix: 'Raise `limits.worker_heap_mb` in the run file, or read narrower rows.',
  },
} as const satisfies Record<string, ErrorCode>
