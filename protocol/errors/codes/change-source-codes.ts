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
  source_table_changed: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Stream {stream}: the columns of the table have changed: {columns}',
    suggestedFix:
      'Nothing has to be done: a continuous run goes on with the columns that the table has now, and another run finds them when it begins.',
  },
  source_wal_limit: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'PostgreSQL at {host}:{port} keeps {megabytes} MB of its log for replication slot {slot}, more than `max_slot_wal` ({limit}), and the run does not catch up: {outcome}',
    suggestedFix:
      "Find out why the destination does not keep up (docs/connectors/postgres-cdc.md), then run the connection again. If the disk of the server fills, drop the slot: `SELECT pg_drop_replication_slot('{slot}')`; the next run reads all rows again.",
  },
} as const satisfies Record<string, ErrorCode>
