import type { ErrorCode } from '../error-code.ts'

/** Errors of folders and buckets as a destination. Sorted by name. */
export const fileCodes = {
  destination_bucket_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place} cannot be used: the server refused {doing}, {reason}',
    suggestedFix: '{fix}',
  },
  destination_bucket_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{place} cannot be reached: {doing} failed, {reason}',
    suggestedFix:
      'Check that the server of the bucket is up and that this machine can reach it, and run the connection again: it continues from its last commit.',
  },
  destination_bucket_unconditional: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'The server of {place} does not do conditional writes: it accepted an object against `{header}`, so two processes could replace each other’s checkpoints',
    suggestedFix:
      'Use a server with conditional writes (Amazon S3, Cloudflare R2, MinIO, Ceph, Versity Gateway in their current versions), or update this one.',
  },
  destination_files_lost: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      '{files} files of stream {stream} that were committed are no longer in {place}, the first one is {first}',
    suggestedFix:
      'Reset the stream, so that it is read from the beginning, after you have moved its files away. If a rule of the bucket aborts uploads that are not complete, give it more days than lie between a run and the next one.',
  },
  destination_folder_shared: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Folder {folder} has rows of stream {other} of the connection {connection}, so stream {stream} cannot be loaded into it',
    suggestedFix:
      'Choose another folder for the destination. To use this one, move it away or delete it while no run is active, or reset the stream that was loaded into it.',
  },
  destination_folder_unknown: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Folder {folder} has {files} files of rows, but no manifest that says what stream {stream} has read',
    suggestedFix:
      'Restore the whole folder from one backup, the files together with its folder `.reactor-connect`: an older manifest beside newer files would load their rows again. Or move the files out of the folder: the stream is then read from the beginning.',
  },
  destination_folder_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Folder {folder} cannot be used: {reason}',
    suggestedFix:
      'Choose a folder on a disk of this machine that the user of this process may write into, with room for the rows; then run the connection again: it continues from its last commit.',
  },
  destination_manifest_damaged: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The file {file} cannot be used: {problem}',
    suggestedFix:
      'Run the newest version of Reactor Connect if another one wrote the file. Otherwise restore the folder of the stream from a backup, or move it away and run the connection again: it reads the stream from the beginning.',
  },
} as const satisfies Record<string, ErrorCode>
