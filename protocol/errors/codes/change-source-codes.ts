import { resetOfDetails } from '../../../lib/text/reset-commands.ts'
import type { ErrorCode } from '../error-code.ts'

/** Errors of change data capture; a part of those of sources. Sorted by name. */
export const changeSourceCodes = {
  source_changes_lost: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Stream {stream}: changes of the source are missing, so it does not go on: {reason}',
    suggestedFix: `Empty the table of {stream} at the destination, where rows that were deleted meanwhile would stay, and reset the stream, so that it is read from the beginning: ${resetOfDetails}.`,
  },
  source_replication_unavailable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'PostgreSQL at {host}:{port} cannot be read with change data capture: {problem}',
    suggestedFix: '{fix}',
  },
  source_slot_in_use: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message:
      'Replication slot {slot} of PostgreSQL at {host}:{port} is being read by another process (its PID at the server: {pid})',
    suggestedFix:
      'Give each connection a slot of its own: set `slot` in the configuration of the source. If the other process is an earlier run that was killed, the server frees the slot after its `wal_sender_timeout`.',
  },
  source_slot_lost: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Replication slot {slot} of PostgreSQL at {host}:{port} can no longer be read: {reason}',
    suggestedFix:
      "Set `on_lost_slot: snapshot` in the configuration of the source: the next run makes the slot again and reads all tables from the beginning. Or drop the slot at the source, `SELECT pg_drop_replication_slot('{slot}')`, empty the tables at the destination, and reset the connection.",
  },
  source_slot_waits: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'PostgreSQL at {host}:{port} begins change data capture only when every transaction that is open now has ended, and one has not: {holder}',
    suggestedFix:
      'End that transaction (`SELECT pg_terminate_backend(PID)`, or `ROLLBACK PREPARED` for a prepared one), then run the connection again.',
  },
} as const satisfies Record<string, ErrorCode>
