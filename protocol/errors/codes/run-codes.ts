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
      'Look at the reasons: the warning of the stream names the first one, the table reactor_connect.rejected_records has them all. Correct the source, or the key or schema of the stream; then run the connection again.',
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
