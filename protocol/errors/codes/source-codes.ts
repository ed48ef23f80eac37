import { resetOfDetails } from '../../../lib/text/reset-commands.ts'
import type { ErrorCode } from '../error-code.ts'
import { changeSourceCodes } from './change-source-codes.ts'
import { fileSourceCodes } from './file-source-codes.ts'
import { snapshotSourceCodes } from './snapshot-source-codes.ts'

/** Errors of a source, its manifest, or the streams that were selected. Sorted by name. */
export const sourceCodes = {
  manifest_component_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The manifest is wrong at {place}: {problem}',
    suggestedFix:
      'Correct {place} in the manifest. `reactor connect source --manifest FILE try STREAM --config FILE` reads some pages with it.',
  },
  manifest_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}: {reason}',
    suggestedFix:
      'Correct the manifest where the message says. `reactor connect source --manifest {file} validate` checks it without a source.',
  },
  manifest_unreadable: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'The manifest {file} cannot be read: {reason}',
    suggestedFix: 'Name a YAML file that exists and that the user of this command may read.',
  },
  schema_drift_blocked: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The schema of {instance} is not the one that was approved for connection {connection}, so nothing was read: {summary}',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` to see what it would change, and promote it; or approve the schema that was found: `reactor connect connections approve {connection} --fingerprint {fingerprint}`. The next run reads what was written in the meantime.',
  },
  schema_drift_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'This schema cannot be approved for connection {connection}: {reason}',
    suggestedFix:
      'Run `reactor connect connections drift {connection}` to see the schema that waits for approval, with its fingerprint.',
  },
  simulated_config_error: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: the faker is configured to refuse row {row}',
    suggestedFix: 'Remove `fail` from the stream in the faker configuration.',
  },
  simulated_failure: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Stream {stream}: the faker is configured to fail at row {row}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. Remove `fail` from the stream to stop the failures.',
  },
  source_answer_unreadable: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message:
      'Stream {stream} got a response that cannot be read, so its records would be missing for good. {reason}',
    suggestedFix:
      'Look at what the API returns: `reactor connect source --manifest FILE try STREAM --config FILE`. Run again if the problem was temporary. If the response means that there are no records, add a response filter with the action IGNORE to the manifest that matches it.',
  },
  source_authorization_lost: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{subject}: the vendor no longer accepts the authorization: {reason}',
    suggestedFix:
      'Authorize again with the vendor, and put the new refresh token into `source.config` of the run file (in the service: `reactor connect instances credentials NAME`).',
  },
  source_busy: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'PostgreSQL at {host}:{port} has no room for more work (SQLSTATE {sqlstate}): {reason}',
    suggestedFix: '{fix}',
  },
  source_changes_lost: changeSourceCodes.source_changes_lost,
  source_column_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: column {column} no longer exists in the source',
    suggestedFix:
      'Run the connection again: a run file finds the columns at each run. A connection of the service needs a new discover, whose schema is accepted.',
  },
  source_config_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The configuration of {connector} is invalid: {problems}',
    suggestedFix:
      'Correct the named fields; the specification of the connector lists the values that they may have.',
  },
  source_connection_limit: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      '{subject} of PostgreSQL at {host}:{port} may have fewer than 2 connections, and a run needs 2 at least: one holds the snapshot, and each lane that reads needs another one',
    suggestedFix:
      'Run {command} at the source, or a higher number: one more than `limits.parallel_lanes` of the connection, so that all of its lanes can read at the same time. Then run the connection again.',
  },
  source_connection_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The connection to PostgreSQL at {host}:{port} was lost: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens often, look for timeouts in proxies and for restarts in the log of the server.',
  },
  source_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'PostgreSQL at {host}:{port} refused the login of user {user}: {reason}',
    suggestedFix:
      'Check `user` and `password` in the configuration of the source (in the service: `reactor connect instances credentials NAME`), and that pg_hba.conf lets this address in.',
  },
  source_cursor_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: column {column} cannot be the cursor: {reason}',
    suggestedFix:
      'Choose a cursor field that is selected and has an order, such as `updated_at` or an ever-growing id.',
  },
  source_cursor_type_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream}: cursor column {column} had the type {before} at the last checkpoint and now has the type {after}, which may order its values differently',
    suggestedFix: `Change the type of {column} back to {before}. Or reset stream {stream}, so that it is read from the beginning: ${resetOfDetails}. With \`append\`, empty its table first: its rows come once more.`,
  },
  source_database_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'PostgreSQL at {host}:{port} has no database {database}',
    suggestedFix:
      'Correct `database` in the configuration; `psql -l` lists the databases of the server.',
  },
  source_encoding_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Stream {stream}: the source holds text that is not valid in UTF-8 (SQLSTATE {sqlstate}){bytes}',
    suggestedFix:
      "Repair the text in the source, or read a view that converts it: `convert_from(convert(convert_to(column, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')` in a database with the encoding SQL_ASCII; replace LATIN1 with the real encoding of the bytes. The rows are those `WHERE position('\\xe9'::bytea IN convert_to(column, 'SQL_ASCII')) > 0`, with the bytes of the message for e9.",
  },
  source_failed: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: true,
    message: '{subject} failed: {reason}',
    suggestedFix:
      'Look at the response of the API, in the log of the service or of `reactor connect run` with `--log-level debug`. If a template or path of the manifest does not fit the response, correct it; otherwise run the connection again: no row is lost or doubled.',
  },
  ...fileSourceCodes,
  source_foreign_server_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'Stream {stream}: PostgreSQL at {host}:{port} has lost, or cannot reach, the foreign server that it reads this stream from: {reason}',
    suggestedFix:
      'Repair the foreign server or its user mapping in the source database (`\\des+` and `\\deu+` in psql), or leave the stream out.',
  },
  source_mismatch: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: '{subject} failed: {reason}',
    suggestedFix:
      'Correct the request or the component of the manifest that the reason names; `--log-level debug` shows the requests and their statuses. Then run the connection again: no row is lost or doubled.',
  },
  source_not_postgres: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The server at {host}:{port} does not speak the protocol of PostgreSQL',
    suggestedFix:
      'Correct `host` and `port`: PostgreSQL listens on port 5432 unless its configuration says otherwise.',
  },
  source_permission_denied: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'User {user} may not read {object}: {reason}',
    suggestedFix:
      'Grant {user} the right that is missing: `GRANT USAGE ON SCHEMA`, `GRANT SELECT ON` the table or view or, for a function that a view calls, `GRANT EXECUTE ON FUNCTION`.',
  },
  source_query_cancelled: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      '{subject}: PostgreSQL at {host}:{port} cancelled a query (SQLSTATE {sqlstate}): {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens often, find out who cancels queries of {user} on the server, or which other sessions lock the same tables.',
  },
  source_query_failed: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message:
      '{subject}: PostgreSQL at {host}:{port} failed a query (SQLSTATE {sqlstate}): {reason}',
    suggestedFix:
      'Repair the table, view or function that it reads, or leave the stream out. The log of the server has the statement and the whole message; appendix A of the PostgreSQL manual explains the SQLSTATE.',
  },
  source_read_interrupted: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'Stream {stream} was stopped at a point that its read cannot continue from: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. A primary key makes a full refresh resumable.',
  },
  source_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{subject} was refused: {reason}',
    suggestedFix:
      'Correct what the reason names: credentials, permissions of the token, or a field of `source.config`.',
  },
  source_replication_unavailable: changeSourceCodes.source_replication_unavailable,
  source_rows_damaged: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message:
      'Stream {stream}: PostgreSQL at {host}:{port} sent rows that are damaged, so none of them was loaded from the damage on: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens again, connect to the server itself, without the proxy or pooler in between, and look at the log and the health of the server.',
  },
  source_schema_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Database {database} has no schema {schema}, which `schemas` of the source names',
    suggestedFix:
      'Correct `schemas` in the configuration of the source (names are case-sensitive), or `database`, if it is in another one.',
  },
  source_slot_in_use: changeSourceCodes.source_slot_in_use,
  source_slot_lost: changeSourceCodes.source_slot_lost,
  source_slot_waits: changeSourceCodes.source_slot_waits,
  source_snapshot_lost: snapshotSourceCodes.source_snapshot_lost,
  source_snapshot_unsteady: snapshotSourceCodes.source_snapshot_unsteady,
  source_state_invalid: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Stream {stream}: the saved state does not fit the stream: {reason}',
    suggestedFix: `Reset the stream, so that it is read from the beginning (${resetOfDetails}), or restore the configuration that the state was written with.`,
  },
  source_stream_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} does not exist in the source',
    suggestedFix:
      'Run the connection again if its run file lists no streams; otherwise remove or replace the stream there, or run discover. If the table was renamed, select it under its new name. If it is there, the role may not read it: `GRANT USAGE ON SCHEMA … TO …; GRANT SELECT ON … TO …`.',
  },
  source_table_changed: changeSourceCodes.source_table_changed,
  source_table_replaced: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'Stream {stream}: its table was truncated, rewritten or replaced after the snapshot of the run was taken',
    suggestedFix:
      'Run the connection again: it reads the table as it is now. Change tables between runs, not during one.',
  },
  source_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'The source of {instance} did not respond within {seconds} seconds',
    suggestedFix: 'Check that the system is up and how long it takes to respond, then try again.',
  },
  source_tls_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No encrypted connection to PostgreSQL at {host}:{port}: {reason}',
    suggestedFix:
      'Set `ssl` to `disable` for a server without TLS, to `require` to skip the check of the certificate, or give its authority in `ca`.',
  },
  source_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{subject} is not available now: {reason}',
    suggestedFix:
      'Run the connection again later: no row is lost or doubled. If it happens often, read less at a time or ask the vendor for a higher rate limit.',
  },
  source_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'PostgreSQL at {host}:{port} cannot be reached: {reason}',
    suggestedFix:
      'If the server is restarting or failing over, run again when it is back. Otherwise check `host` and `port` in the configuration of the source, that the server listens on that address, and that no firewall is in between.',
  },
  source_wal_limit: changeSourceCodes.source_wal_limit,
  stream_column_not_found: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_cursor_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_listed_twice: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_mode_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_name_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'The name of stream {stream} has the character U+0000 in it, which PostgreSQL cannot store',
    suggestedFix:
      'Rename the stream where its source defines it (`name` in a manifest), or leave it out of `streams`.',
  },
  stream_not_found: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_primary_key_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_range_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  stream_rule_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{place}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  unknown_connector: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no connector of type {type}; known types: {known}',
    suggestedFix: '{fix}',
  },
} as const satisfies Record<string, ErrorCode>
