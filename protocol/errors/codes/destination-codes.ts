import type { ErrorCode } from '../error-code.ts'
import { bookkeepingCodes } from './bookkeeping-codes.ts'

/** Errors of a destination. Sorted by name. */
export const destinationCodes = {
  ...bookkeepingCodes,
  destination_busy: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{host}:{port} has no resources left for another session: {reason}',
    suggestedFix:
      '{fix} A run needs up to 2 × `limits.parallel_lanes` + 3 sessions at the destination: a lower value needs fewer. Then run the connection again.',
  },
  destination_column_changed: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message:
      'Column {column} of {table} in {host}:{port}/{database} has the type {type} now: somebody changed it while the run loaded the table',
    suggestedFix:
      'Run the connection again: it loads the rows that were not committed as the new type needs them.',
  },
  destination_column_generated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The stream has the column {column}, and {table} generates its values itself',
    suggestedFix:
      'Run `ALTER TABLE {table} {change}`, or rename the column at the destination; then run the connection again.',
  },
  destination_column_gone: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message:
      '{object} in {host}:{port}/{database} lacks a column that it had when the stream began, so somebody dropped or renamed it meanwhile: {reason}',
    suggestedFix:
      'Run the connection again: it adds the column again. Rows that were loaded before have no value in it: reset the stream to load them again.',
  },
  destination_column_in_use: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'A column of {table} must become wider, but something depends on it: {reason}',
    suggestedFix: '{fix}',
  },
  destination_column_unfit: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Column {column} of {table} has the type {type}, which does not hold the values ({kind}) of stream {stream}: it {problem}',
    suggestedFix: '{fix}',
  },
  destination_conflict: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'A transaction on {object} gave way to {holders} (SQLSTATE {sqlstate})',
    suggestedFix: '{fix}',
  },
  destination_connection_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The session with {host}:{port}/{database} was lost: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens often, look for a proxy or server setting that ends sessions.',
  },
  destination_constraint_violated: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'A record violates {constraint} of {object}',
    suggestedFix: '{fix}',
  },
  destination_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{host}:{port} refused the login of {user}',
    suggestedFix:
      'Correct `user` and `password` under `destination`, or allow the user in the server’s pg_hba.conf.',
  },
  destination_database_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'There is no database {database} on {host}:{port}',
    suggestedFix:
      'Create it with `CREATE DATABASE {database}`, or correct `database` under `destination`.',
  },
  destination_disk_full: {
    failureType: 'transient_error',
    httpStatus: 507,
    retryable: true,
    message: 'The disk of {host}:{port} is full: {reason}',
    suggestedFix:
      'Free or add disk space at the destination, then run the connection again: the rows of the stream are neither lost nor doubled.',
  },
  destination_drop_refused: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{object} is ours and has to be dropped, but something depends on it: {dependents}',
    suggestedFix:
      'Drop what depends on it, as its owner, or run `DROP TABLE {object} CASCADE` as the owner of the table, which drops both. Keep the definition before (`\\d+` shows it). Then run the connection again, which makes the table again if it needs it.',
  },
  destination_encoding_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Database {database} is encoded in {encoding}; the sink needs UTF8',
    suggestedFix: "Create a database with `ENCODING 'UTF8' TEMPLATE template0` and use that.",
  },
  destination_field_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The {role} of stream {stream} names {field}, which is not a column of it',
    suggestedFix: 'Choose a top-level column of the stream, or add {field} to `columns`.',
  },
  destination_index_entry_too_long: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'A value is too long for {index} of {object}: {reason}',
    suggestedFix:
      'Drop the index, or replace it with an index on a part or a hash of the value (such as `md5(column)`); then run the connection again.',
  },
  destination_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{destination} is not a destination: {problem}',
    suggestedFix:
      'Write an address such as `data:DATASET` (a schema in the Data database), `postgres:NAME` (a destination of the settings) or `topic:NAME` (topics of Kafka): docs/destinations.md has them all.',
  },
  destination_is_source: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} would be loaded into the table that it is read from',
    suggestedFix:
      'Set `schema` of the destination to one that the source does not read, or choose another database.',
  },
  destination_key_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The rows of {table} were merged by the key ({before}), but stream {stream} now has the key ({after}): the old rows would stay beside the new ones',
    suggestedFix:
      'Run `TRUNCATE {table}` at the destination and run the connection again, which fills the table by the new key. To keep the old key, {goOn}.',
  },
  destination_key_lost: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Stream {stream} was loaded with {mode}, but its source no longer has a primary key: to append instead would add rows a second time',
    suggestedFix:
      'Set `primary_key` of the stream, or `destination_sync_mode: append` if rows that are read again may be added again.',
  },
  destination_key_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} should be loaded without duplicates, but it has no primary key',
    suggestedFix: 'Set `primary_key` for the stream, or choose the mode `append` or `overwrite`.',
  },
  destination_key_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{table} cannot keep the newest row of each primary key: {problem}',
    suggestedFix: '{fix}',
  },
  destination_lock_held: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message:
      'In {host}:{port}/{database}, {holders} held the lock on {subject} for more than {seconds} seconds',
    suggestedFix:
      'Look at the session with `SELECT * FROM pg_stat_activity WHERE pid = {pid}`. If it is not a run that is about to end, end it with `SELECT pg_terminate_backend({pid})`, and run the connection again: no row is lost or doubled.',
  },
  destination_mode_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} was loaded with {before}, and what its source offers now leads to {mode}, which would delete {rows}',
    suggestedFix: '{fix}',
  },
  destination_not_a_table: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{table} cannot be a table: the name is taken by {kind}',
    suggestedFix:
      'Rename or drop the object that has the name, or load the connection into another schema (`data:DATASET`, or `schema` of the run file’s destination).',
  },
  destination_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The destination {destination} is not available: {reason}',
    suggestedFix: '{fix}',
  },
  destination_partition_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No partition of {object} accepts a record: {reason}',
    suggestedFix: '{fix}',
  },
  destination_permission_denied: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{user} may not do this in database {database} of {host}:{port}: {reason}',
    suggestedFix: '{fix}',
  },
  destination_pooler_in_transaction_mode: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'A pooler in transaction mode stands before the destination {host}:{port}/{database}',
    suggestedFix:
      'Set `host` and `port` of the destination to the address of the PostgreSQL server itself, or to a pool in session mode (`pool_mode = session` of PgBouncer), and run the connection again: no row is lost or doubled.',
  },
  destination_query_cancelled: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      '{host}:{port}/{database} cancelled a statement for {object} (SQLSTATE {sqlstate}): {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If it happens often, find out who cancels statements of {user} on the server.',
  },
  destination_query_failed: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message:
      '{host}:{port}/{database} refused a statement for {object} (SQLSTATE {sqlstate}): {reason}',
    suggestedFix: '{fix}',
  },
  destination_read_only: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{host}:{port}/{database} accepts no writes: {reason}',
    suggestedFix:
      'Point `destination` at the primary, not at a standby, or end the read-only mode.',
  },
  destination_replaced: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message:
      '{host}:{port}/{database} does not know this run: during the run, the database or its schema reactor_connect was dropped, recreated, or restored from a backup',
    suggestedFix:
      'Run the connection again when the database is ready: it continues from the checkpoints that the database has, and starts over if there are none.',
  },
  destination_replica_identity_missing: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'PostgreSQL refuses to change or delete rows of {object}: {reason}',
    suggestedFix: '{fix}',
  },
  destination_row_security_enabled: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Row-level security applies to {user} on {object}: it hides rows, and PostgreSQL refuses a COPY into such a table',
    suggestedFix:
      'Run `ALTER ROLE {role} BYPASSRLS` as a superuser, or `ALTER TABLE {object} NO FORCE ROW LEVEL SECURITY` if {role} owns the table, or `ALTER TABLE {object} DISABLE ROW LEVEL SECURITY`; then run the connection again.',
  },
  destination_rows_left_out: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      '{object} accepted {actual} of {expected} row changes: {rules} left out the others; nothing of this batch was committed',
    suggestedFix:
      'Let the table accept every row: run `{undo}`, or move the rows that you do not want elsewhere after the run. Then run the connection again.',
  },
  destination_rows_repeated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} appends, was loaded into {table} before, and would be read into it from the beginning again ({why}): its rows would be in the table twice',
    suggestedFix:
      'Run `TRUNCATE {table}` at the destination and run the connection again, which fills the table from the beginning.{others} To add the rows a second time, run {reset}, and then run it again.',
  },
  destination_rows_would_cascade: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'An overwrite replaces all rows of {table}, and the foreign key {constraint} of {other} would {consequence}',
    suggestedFix:
      'Run `{undo}`: then the foreign key is checked when the new rows are in place. Or choose `append_dedup`, which changes rows in place. Then run the connection again.',
  },
  destination_rule_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Rule {rule} of {object} rewrites the statements that a run loads its rows with',
    suggestedFix:
      'Run `ALTER TABLE {object} DISABLE RULE {rule}` and do what it does with an AFTER trigger; then run the connection again.',
  },
  destination_schema_reserved: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{subject} would be loaded into schema {schema}, which is reserved',
    suggestedFix:
      'Leave the stream out, or load the connection into a schema of its own (`data:DATASET`, or `schema` of the run file’s destination).',
  },
  destination_table_foreign: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{table} exists, has rows and was not made by a sync',
    suggestedFix:
      'Rename the table, or load the connection into another schema (`data:DATASET`, or `schema` of the run file’s destination). To take the table over, run `ALTER TABLE {table} {additions}`.',
  },
  destination_table_gone: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message:
      '{object} in {host}:{port}/{database} is gone: it was dropped or renamed while the run loaded it',
    suggestedFix:
      'Run the connection again: it recreates the table and reads the stream from the beginning.',
  },
  destination_table_inherited: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      '{heir} inherits from {table}, so its rows would be replaced or deleted as if they were rows of {table}',
    suggestedFix:
      'Run `ALTER TABLE {heir} NO INHERIT {table}`, or load the stream into another schema; then run the connection again.',
  },
  destination_table_shared: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      '{table} belongs to stream {stream} of connection {connection}; only streams that all append can share a table',
    suggestedFix:
      'Load this stream into another schema: `schema` under `destination` of a run file, or a destination `data:NAME` of the service; a destination `postgres:NAME` takes no schema, so choose another database there. If {connection} should no longer load the table, {letGo}; its rows stay until this stream replaces them.',
  },
  destination_tls_failed: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: 'No encrypted session with {host}:{port}: {reason}',
    suggestedFix:
      'Set `ssl` under `destination` to what the server offers: disable, require or verify-full.',
  },
  destination_too_many_columns: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{object} has no room for all columns: {reason}',
    suggestedFix:
      'Choose fewer with `columns` of the stream: PostgreSQL allows 1,600, including dropped ones, and up to 4 are metadata. A row has to fit into a page, except for texts and other values of any length.',
  },
  destination_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{host}:{port} cannot be reached: {reason}',
    suggestedFix:
      'Check `host` and `port` under `destination`, and that the server runs (it may be restarting) and accepts connections from here.',
  },
  destination_value_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'PostgreSQL refuses a value of stream {stream} for {table} (SQLSTATE {sqlstate}) and does not name the column',
    suggestedFix:
      'Look for triggers, rules and generated columns on {table}, and remove the one that refuses the value.',
  },
  destination_version_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The destination runs PostgreSQL {version}; 15 is the oldest that works',
    suggestedFix: 'Upgrade the destination to PostgreSQL 15 or newer.',
  },
} as const satisfies Record<string, ErrorCode>
