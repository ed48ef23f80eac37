import type { ErrorCode } from '../error-code.ts'

/** Errors of the snapshot that the reads of a run share; a part of those of sources. Sorted by name. */
export const snapshotSourceCodes = {
  source_snapshot_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The snapshot that the run reads from is gone (SQLSTATE {sqlstate}): {reason}',
    suggestedFix:
      'Run the connection again: it reads in a new snapshot, and no row is lost or doubled. If the reason is a function, one of the database raised it: look at its body.',
  },
  source_snapshot_unsteady: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'Stream {stream} was read from its beginning {times} times, and each time the source lost the snapshot before the end: {reason}',
    suggestedFix:
      'Find out what ends the sessions of the run at the source (its log shows restarts, failovers and ended sessions; a proxy may have a timeout), and run the connection again. If the stream takes longer than the source keeps a session, set `on_lost_snapshot: continue` in the configuration of the source: the read then goes on where it was, and its rows are of more than one moment.',
  },
} as const satisfies Record<string, ErrorCode>
