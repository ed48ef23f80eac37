import type { ErrorCode } from '../error-code.ts'

/** Errors of a destination that is an instance. Sorted by name. */
export const writeCodes = {
  write_busy: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'Another process is still writing records of connection {connection}',
    suggestedFix: 'Run the connection again when the other process has ended.',
  },
  write_deletes_held: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} would delete {deletes} of the {sent} records that it has written, more than the {limit} that a run deletes by itself: none of the rest was deleted',
    suggestedFix:
      'Look at what is gone at the source. If it is right, run `reactor connect connections sandbox {connection}` and promote it with its token: that run deletes them.',
  },
  write_mapping_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} cannot be written into {object}: {problems}',
    suggestedFix:
      'Correct `writes` of the connection, or the object at the vendor: docs/write-back.md#mapping has examples.',
  },
  write_object_unknown: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{vendor} has no object {object} that the user of the instance may write: {reason}',
    suggestedFix:
      'Set `object` in `writes` of the connection to the name of an object, or give the user of the instance the right to write it.',
  },
  write_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The vendor took only a part of the records of {object}: {reason}',
    suggestedFix: 'Run the connection again: it sends the records that are left.',
  },
  write_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Instance {instance} cannot be written: its connector {connector} only reads',
    suggestedFix:
      'Use an instance of a connector that writes records (docs/write-back.md), or invoke its actions.',
  },
} as const satisfies Record<string, ErrorCode>
