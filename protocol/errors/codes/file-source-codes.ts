import type { ErrorCode } from '../error-code.ts'

/** Errors of sources of files; a part of those of sources. Sorted by name. */
export const fileSourceCodes = {
  source_file_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: none of its sampled files can be read. {reason}',
    suggestedFix:
      'Correct `format`, `compression` or the options of the format for the stream in the configuration of the source, or its `globs`, so that they name other files.',
  },
  source_files_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: {count} of its files could not be read; the others were. {files}',
    suggestedFix:
      'Replace, delete or repair the named files, or set `on_file_error: skip` in the configuration of the source, and run the connection again: it reads the files that are missing, and no other file a second time.',
  },
  source_files_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: no file in {place} matches {globs}',
    suggestedFix:
      'Correct `globs` of the stream (paths below the prefix or folder; `**/*.csv` is any CSV file), or declare its `columns` if files come later.',
  },
  source_files_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place} cannot be read, {doing}: {reason}',
    suggestedFix: '{fix}',
  },
  source_files_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{place} is not available now, {doing}: {reason}',
    suggestedFix:
      'Run the connection again later: it goes on where it was, and no row is lost or doubled. If it happens often, look at the server and the network.',
  },
} as const satisfies Record<string, ErrorCode>
