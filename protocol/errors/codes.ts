/** Airbyte's three kinds of failure: the user must act, try again later, or a bug. */
export type FailureType = 'config_error' | 'transient_error' | 'system_error'

/** What is fixed about an error code. `message` and `suggested_fix` may hold `{name}` holes that `details` fills. */
export interface ErrorCode {
  readonly failureType: FailureType
  readonly httpStatus: number
  readonly retryable: boolean
  readonly message: string
  readonly suggestedFix: string
}

/**
 * Every error that a user can see. The code is the page's name in docs/errors/ (a test compares both ways).
 * A hole such as `{host}` is filled from the error's details; details never hold a secret or a record's contents.
 */
export const errorCodes = {
  accounting_mismatch: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Stream {stream}: {expected} records were read but {actual} arrived; nothing of this batch was committed',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint. If it happens twice, report it with the run log.',
  },
  api_key_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no API key {id}',
    suggestedFix: 'Run `reactor connect keys list` for the ids of the keys.',
  },
  api_key_too_strong: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message: 'A key cannot make one that is stronger than itself: {problem}',
    suggestedFix: 'Ask for less, or let an admin make the key.',
  },
  bind_failed: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The HTTP server cannot listen on {host}:{port}: {reason}',
    suggestedFix:
      'Choose another address with `REACTOR_CONNECT_BIND`, or stop the program that has this one.',
  },
  codegen_file_foreign: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{file} exists, and was not written by `reactor connect codegen`',
    suggestedFix: 'Choose another file with `--out`, or give `--force` to replace this one.',
  },
  codegen_file_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{file} {problem}',
    suggestedFix:
      'Run `reactor connect codegen --instance {instance} --out {file}`, compile what uses it, and commit the file.',
  },
  codegen_file_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file} cannot be read or written ({reason})',
    suggestedFix: 'Give `--out` the name of a TypeScript file in a folder that you may write to.',
  },
  connection_has_active_run: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} has a run that is queued or running',
    suggestedFix:
      'Run `reactor connect connections runs list {connection}`, cancel the active run or wait for its end, and repeat this.',
  },
  connection_inactive: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} is inactive: it was neither promoted nor activated yet',
    suggestedFix:
      'See what it would do with `reactor connect connections sandbox {connection}` and promote it with the token that this prints, or let it run at once with `reactor connect connections activate {connection}`.',
  },
  connection_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no connection {connection}',
    suggestedFix: 'Run `reactor connect connections list` for the names of the connections.',
  },
  credentials_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{field} is not a secret field of {type}',
    suggestedFix:
      'Give secret fields only: {known}. Other fields belong to the configuration of the instance.',
  },
  credentials_missing: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Instance {instance} lacks credentials: {fields}',
    suggestedFix: 'Run `reactor connect instances credentials {instance}` to set them.',
  },
  cursor_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The cursor of the list is not one that this list gave',
    suggestedFix:
      'Leave `cursor` out to begin at the first page, and pass on `next_cursor` of each page unchanged.',
  },
  destination_busy: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{host}:{port} has no resources left for another session: {reason}',
    suggestedFix:
      'Raise `max_connections` of the destination or lower `limits.parallel_lanes`, then run the connection again.',
  },
  destination_column_in_use: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'A column of {table} must become wider, but something depends on it: {reason}',
    suggestedFix:
      'Drop the view (or rule) that the message names, run the connection, and create it again.',
  },
  destination_conflict: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'Another session works on the tables of stream {stream} (SQLSTATE {sqlstate})',
    suggestedFix:
      'Run again: it resumes from the last checkpoint. If it persists, look for long transactions in `pg_stat_activity`.',
  },
  destination_connection_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The session with {host}:{port}/{database} was lost: {reason}',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint. If it happens often, look for a proxy or server setting that ends sessions.',
  },
  destination_constraint_violated: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'A record of stream {stream} violates constraint {constraint} of {table}',
    suggestedFix:
      'Drop or relax the constraint on {table}, or load the stream with a dedup mode whose key is that of the constraint.',
  },
  destination_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: '{host}:{port} refused to let {user} in',
    suggestedFix:
      'Correct `user` and `password` under `destination`, or allow the user in the server’s pg_hba.conf.',
  },
  destination_database_missing: {
    failureType: 'config_error',
    httpStatus: 404,
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
      'Free or add disk space at the destination, then run the connection again: it resumes from the last checkpoint.',
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
  destination_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{destination} is not a destination: {problem}',
    suggestedFix:
      'Write `data:DATASET` (a schema in the Data database) or `postgres:NAME` (a destination of the settings).',
  },
  destination_key_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} is to be loaded without duplicates, but it has no primary key',
    suggestedFix: 'Set `primary_key` for the stream, or choose the mode `append` or `overwrite`.',
  },
  destination_not_a_table: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{table} exists and is not a table',
    suggestedFix:
      'Rename or drop the view that has this name, or choose another `schema` under `destination`.',
  },
  destination_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The destination {destination} is not available: {reason}',
    suggestedFix: '{fix}',
  },
  destination_permission_denied: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message: '{user} may not do this in database {database} of {host}:{port}: {reason}',
    suggestedFix:
      'Grant it: `GRANT CREATE ON DATABASE {database} TO {user}`, and ownership of the tables that it loads.',
  },
  destination_query_failed: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: '{host}:{port}/{database} refused a statement for {table} ({sqlstate}): {reason}',
    suggestedFix:
      'Look up the SQLSTATE {sqlstate} in the PostgreSQL manual; if the cause is not in your database, report it.',
  },
  destination_read_only: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{host}:{port}/{database} takes no writes: {reason}',
    suggestedFix:
      'Point `destination` at the primary, not at a standby, or end the read-only mode.',
  },
  destination_table_foreign: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{table} exists, has rows and was not made by a sync',
    suggestedFix:
      'Rename the table, give the stream another `destination_object_name`, or add the column `_airbyte_extracted_at` to take it over.',
  },
  destination_table_shared: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{table} is being loaded by connection {connection} too',
    suggestedFix:
      'Let one stream own the table: set another `schema` or `destination_object_name`, or wait until the other has finished.',
  },
  destination_tls_failed: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: 'No encrypted session with {host}:{port}: {reason}',
    suggestedFix:
      'Set `ssl` under `destination` to what the server offers: disable, require or verify-full.',
  },
  destination_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{host}:{port} cannot be reached: {reason}',
    suggestedFix:
      'Check `host` and `port` under `destination`, and that the server runs and accepts connections from here.',
  },
  destination_value_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'PostgreSQL refuses a value of stream {stream} for {table} (SQLSTATE {sqlstate}) and does not say of which column',
    suggestedFix:
      'Look for triggers, rules and generated columns on {table}, and remove what refuses the value.',
  },
  destination_version_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The destination runs PostgreSQL {version}; 15 is the oldest that works',
    suggestedFix: 'Upgrade the destination to PostgreSQL 15 or newer.',
  },
  embedded_postgres_failed: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'The embedded PostgreSQL did not start: {reason}',
    suggestedFix:
      "Fix what the message names and start again; server.log in the data folder has the server's own messages.",
  },
  embedded_postgres_in_use: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The data folder {folder} is in use by a running program (pid {pid})',
    suggestedFix: 'Stop that program, or start this one with another data folder.',
  },
  embedded_postgres_unreachable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message:
      'This program runs as root, and the account {account}, which has to run PostgreSQL, cannot reach {folder}',
    suggestedFix:
      'Choose a data folder outside of closed home folders, such as /var/lib/reactor-connect, or run as a normal user.',
  },
  fenced: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message: 'Another run of connection {connection} took over stream {stream}',
    suggestedFix: 'Let the newer run finish, or stop it, then start this one again.',
  },
  idempotency_key_in_use: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'The first request with this Idempotency-Key is still going on',
    suggestedFix:
      'Wait a few seconds and send the same request again: it is answered as the first one was.',
  },
  idempotency_key_reused: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'This Idempotency-Key was used for another request',
    suggestedFix: 'Send another request under a key of its own.',
  },
  identity_external: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Users and their logins are kept by the Identity service at {url}, not here',
    suggestedFix:
      'Add users and change passwords at the Identity service; `reactor auth login EMAIL` asks it by itself.',
  },
  identity_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Logins cannot be checked: the keys for that cannot be read',
    suggestedFix:
      'Try again in a few seconds. The log of the service has the reason; API keys work meanwhile.',
  },
  instance_config_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The configuration of {type} is not valid: {problem}',
    suggestedFix:
      'Correct what the message and `details.more` name; `reactor connect catalog show {type}` shows the fields.',
  },
  instance_in_use: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Instance {instance} is used by connections',
    suggestedFix:
      'Run `reactor connect connections list --instance {instance}`, delete those connections first, and repeat this.',
  },
  instance_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no instance {instance}',
    suggestedFix: 'Run `reactor connect instances list` for the names of the instances.',
  },
  jobs_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The Jobs service at {url} cannot be used: {reason}',
    suggestedFix:
      'Check `REACTOR_CONNECT_JOBS_URL`, `REACTOR_CONNECT_JOBS_API_KEY` and that the Jobs service runs.',
  },
  kafka_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Kafka at {brokers} refused the credentials of user {username}',
    suggestedFix:
      'Check `sasl` (mechanism, username, password) and `ssl` of the log in the run file, then run again.',
  },
  kafka_failed: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'Kafka at {brokers} failed while {doing} {target}: {reason}',
    suggestedFix: "Look at the broker's log, then run again: it resumes from the last checkpoint.",
  },
  kafka_permission_denied: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Kafka at {brokers} does not allow {doing} {target}: {reason}',
    suggestedFix:
      'Grant the user of the log the rights that docs/topics.md lists (topics, groups and transactional ids with the prefix `connect.`), then run again.',
  },
  kafka_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Kafka cannot be reached at {brokers}: {reason}',
    suggestedFix:
      'Start the broker (`npm run kafka` on this machine) or correct `brokers` of the log, then run again; `--log embedded` runs without Kafka.',
  },
  log_foreign_message: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic}, partition {partition}: the message at offset {offset} was not written by Reactor Connect ({reason})',
    suggestedFix:
      'Find the other producer and stop it, delete the topic with `kafka-topics.sh --delete --topic {topic}`, then run again: what the destination lacks is read from the source again.',
  },
  log_lane_in_use: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message:
      'Partition {partition} of stream {stream} of connection {connection} was opened twice by the same end',
    suggestedFix: 'Run the connection again; if it happens twice, report it with the run log.',
  },
  log_message_too_large: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic} does not take a message of {bytes} bytes: its `max.message.bytes` is {limit}',
    suggestedFix:
      'Raise it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config max.message.bytes=8912896`, then run again.',
  },
  log_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The connection asks for Kafka, and the service has no brokers',
    suggestedFix:
      'Set `KAFKA_BROKERS` (or `kafka.brokers` below `[connect]`) and restart the service, or use `"log": "embedded"`.',
  },
  log_out_of_order: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      "Stream {stream}, partition {partition}, slice '{slice}': the log gave a {entry} at {actual} where {expected} was due; nothing of it was loaded",
    suggestedFix:
      "Run the connection again: it resumes from the last checkpoint. If it happens twice, delete the stream's topic and report it with the run log.",
  },
  log_position_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Topic {topic}, partition {partition} holds the offsets {low} to {high} only; the destination stands at {position}',
    suggestedFix: 'Run the connection again: it reads from the source what the log has lost.',
  },
  log_position_mismatch: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Stream {stream}: the log goes on at record {actual}, the destination expects record {expected}',
    suggestedFix:
      "Run the connection again: it continues from the destination's checkpoint and reads again what the log lost.",
  },
  log_reader_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'The sink of stream {stream} of connection {connection}, partition {partition}, is gone',
    suggestedFix:
      "Look at the sink's own error in the run's log, then run again: it resumes from the last checkpoint.",
  },
  log_topic_missing: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message: 'Topic {topic} is gone: it was deleted while the run used it',
    suggestedFix:
      'Run the connection again: it makes the topic anew and reads from the source what the destination lacks.',
  },
  log_topic_name_taken: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Topic {topic} cannot be created: {reason}',
    suggestedFix:
      'Kafka does not tell `.` from `_` in the names of two topics. Rename the connection, or delete the other topic.',
  },
  log_writer_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'The read of stream {stream} of connection {connection}, partition {partition}, ended without closing the log',
    suggestedFix:
      "Look at the read's own error in the run's log, then run again: it resumes from the last checkpoint.",
  },
  login_expired: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'The login of {email} at {url} has expired',
    suggestedFix:
      'Run `reactor auth login {email} --url {url}` to log in again, or `reactor auth logout` to use no login.',
  },
  login_refused: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'The e-mail or the password is wrong',
    suggestedFix: 'Check both. An admin resets a password with `reactor auth users reset EMAIL`.',
  },
  login_required: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'This needs a login of a user; an API key has no password and no logins',
    suggestedFix:
      'Log in with `reactor auth login EMAIL`; a key is revoked with `reactor connect keys revoke ID`.',
  },
  login_throttled: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: 'Too many attempts to log in',
    suggestedFix: 'Wait {seconds} seconds and try again. API keys work meanwhile.',
  },
  manifest_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}: {reason}',
    suggestedFix:
      'Correct the manifest where the message says. `reactor connect source --manifest {file} spec` checks it without a source.',
  },
  manifest_unreadable: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'The manifest {file} cannot be read: {reason}',
    suggestedFix: 'Name a YAML file that exists and that the user of this command may read.',
  },
  media_type_unsupported: {
    failureType: 'config_error',
    httpStatus: 415,
    retryable: false,
    message: 'The body has a media type that this route does not take',
    suggestedFix: 'Send JSON, with `Content-Type: application/json`.',
  },
  method_not_allowed: {
    failureType: 'config_error',
    httpStatus: 405,
    retryable: false,
    message: '{path} does not take {method}',
    suggestedFix: 'Use one of the methods of the header `Allow`: {allowed}.',
  },
  metrics_port_unavailable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'Metrics cannot be served on 127.0.0.1:{port}: {reason}',
    suggestedFix: 'Choose another port: `--metrics-port 0` takes a free one and prints it.',
  },
  name_taken: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'There is already a {kind} named {name}',
    suggestedFix: 'Choose another name, or update or delete the one that has it.',
  },
  not_available: {
    failureType: 'config_error',
    httpStatus: 501,
    retryable: false,
    message: '{feature} is not available in this version',
    suggestedFix: 'Leave it out for now; CHANGELOG.md says when it comes.',
  },
  oauth_client_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No OAuth client is set for instance {instance}',
    suggestedFix:
      "Register an application with the vendor, then set its client id and secret: `reactor connect instances credentials {instance} --input '{input}'`.",
  },
  oauth_denied: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The authorization of instance {instance} was not granted: {reason}',
    suggestedFix:
      'Run `reactor connect instances credentials {instance}` again and grant the access in the browser.',
  },
  oauth_exchange_failed: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: 'The token endpoint {host} gave no tokens for instance {instance}: {reason}',
    suggestedFix:
      'Check the client id, the client secret and the redirect URI that are registered with the vendor, then run `reactor connect instances credentials {instance}` again.',
  },
  oauth_not_supported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Connector {type} has no OAuth in the browser',
    suggestedFix:
      'Set the credentials by hand: `reactor connect instances credentials {instance} --input FILE`. `reactor connect catalog show {type}` lists the fields.',
  },
  oauth_redirect_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The redirect URI is neither a callback of this service nor a loopback address',
    suggestedFix: 'Leave the redirect URI out, or use one like http://127.0.0.1:PORT/callback.',
  },
  oauth_refresh_failed: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'The access token of instance {instance} could not be refreshed at {host}: {reason}',
    suggestedFix:
      "Run it again later: the stored tokens are unchanged. If it persists, check the vendor's status page and the client credentials.",
  },
  oauth_state_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'This authorization is unknown, was used already, or is older than 10 minutes',
    suggestedFix:
      'Run `reactor connect instances credentials NAME` again and finish in the browser within 10 minutes.',
  },
  permission_denied: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message: '{who} may not do {action}{on}',
    suggestedFix: '{fix}',
  },
  policy_invalid: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The policy {file} cannot be used, line {line}, column {column}: {problem}',
    suggestedFix:
      'Mend that place (docs/access.md has all that a policy can speak of) and start again, or leave `policy_file` out to go by the default policy.',
  },
  policy_unreadable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The policy {file} cannot be read: {reason}',
    suggestedFix:
      'Set `policy_file` to a file that the service can read, or leave it out to go by the default policy.',
  },
  promote_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} was not promoted: since the sandbox {what} changed',
    suggestedFix:
      'Look at the new diff in `details.sandbox`, and promote with its `promote_token`; where there is none, run `reactor connect connections sandbox {connection}`.',
  },
  promote_token_expired: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The promote token of connection {connection} has expired',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` again and promote with the new token.',
  },
  promote_token_invalid: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message: 'The promote token is not one of yours for connection {connection}',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` with the same key that promotes, and pass on the token unchanged.',
  },
  promote_token_used: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The promote token of connection {connection} was used: it started run {run}',
    suggestedFix:
      'Look at the run with `reactor connect connections runs get {connection} {run}`. For another promotion run a new sandbox.',
  },
  rate_limited: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: 'Too many {what} in a minute; the limit is {limit}',
    suggestedFix:
      'Ask again in {seconds} s (the header Retry-After says so too). The operator of the service sets the limit with `{setting}`.',
  },
  reauthorization_required: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The vendor no longer accepts the authorization of instance {instance}: {reason}',
    suggestedFix:
      'Run `reactor connect instances credentials {instance}` to authorize it anew in the browser.',
  },
  request_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The request is not valid: {problem}',
    suggestedFix:
      'Correct what the message and `details.problems` name; `GET /connect/v1/docs` shows what the route takes.',
  },
  request_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'No answer within {seconds} seconds; what was begun may still be done',
    suggestedFix:
      'Look whether it was done, then try again. If it happens often, look at the database and at the source.',
  },
  request_too_large: {
    failureType: 'config_error',
    httpStatus: 413,
    retryable: false,
    message: 'The body is larger than {limit} bytes',
    suggestedFix: 'Send less in one request.',
  },
  role_missing: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message:
      'The token is valid, but gives no role: its claim {claim} must name one of admin, operator, viewer, agent',
    suggestedFix:
      'Have the Identity service put the role into the claim {claim}, or set `REACTOR_CONNECT_IDENTITY_ROLE_CLAIM` to the claim that has it.',
  },
  roles_unavailable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The roles {roles} cannot be served: {reason}',
    suggestedFix: 'Give a process that runs connections both: `--roles reader,sink`.',
  },
  route_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is nothing at {path}',
    suggestedFix: 'Look up the path in `GET /connect/v1/docs`; the API begins with /connect/v1.',
  },
  run_active: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} has a run that is queued or running',
    suggestedFix:
      'Follow the active run with `reactor connect connections runs list {connection}`, or cancel it, before you start another.',
  },
  run_ended: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Run {run} has ended already',
    suggestedFix:
      'Run `reactor connect connections runs list` to see how it ended; retry it where it failed.',
  },
  run_file_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_syntax: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: the file cannot be parsed: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_unreadable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_variable_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  run_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no run {run}',
    suggestedFix:
      'Run `reactor connect connections runs list NAME` for the ids of the runs of a connection.',
  },
  run_not_retryable: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Run {run} is complete: there is nothing to retry',
    suggestedFix: 'Start a new run with `reactor connect connections runs start {connection}`.',
  },
  sandbox_active: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} has a sandbox that runs',
    suggestedFix:
      'Wait for its end (`reactor connect connections sandboxes {connection}`), or delete it, and repeat this.',
  },
  sandbox_limit_reached: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: 'This service runs {limit} sandboxes already, as many as it does at the same time',
    suggestedFix: 'Repeat the same request in {seconds} seconds.',
  },
  sandbox_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'Connection {connection} has no sandbox {sandbox}',
    suggestedFix:
      'Run `reactor connect connections sandboxes {connection}` for the ids of its sandboxes.',
  },
  sandbox_stopped: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'The sandbox of connection {connection} was stopped before its end; nothing of it is left',
    suggestedFix: 'Run `reactor connect connections sandbox {connection}` again.',
  },
  sandbox_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'The sandbox had not ended after {seconds} seconds, and was given up',
    suggestedFix:
      'Ask for fewer rows (`--limit-rows 10`) or for some streams only (`--streams A,B`); look at the log of the service where source and destination should be quick.',
  },
  schedule_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The schedule is not valid: {problem}',
    suggestedFix:
      'Write five fields, such as `*/15 * * * *`, and an IANA time zone, such as `Europe/Berlin`.',
  },
  schema_drift_blocked: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The schema of {instance} is not the one that was approved for connection {connection}, so nothing was read: {summary}',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` to see what it would change, and promote it; or approve what was seen: `reactor connect connections approve {connection} --fingerprint {fingerprint}`. The next run goes on from the last checkpoint.',
  },
  schema_drift_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'This schema cannot be approved for connection {connection}: {reason}',
    suggestedFix:
      'Run `reactor connect connections drift {connection}` to see what waits for approval, with its fingerprint.',
  },
  schema_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'No run has carried records with the schema {fingerprint}',
    suggestedFix:
      'Run `reactor connect schemas list` for the schemas. A fingerprint is 16 hexadecimal digits, most significant first: in a message its bytes stand the other way round.',
  },
  service_answer_invalid: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: 'What answers at {url} is not this version of Reactor Connect: {reason}',
    suggestedFix:
      'Check the URL (`--url`, `REACTOR_CONNECT_URL`); run `reactor connect doctor` to compare the versions of the service and of the command line.',
  },
  service_refused: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: '{message} [{service_code}]',
    suggestedFix: '{fix}',
  },
  service_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The service at {url} cannot be reached: {reason}',
    suggestedFix:
      'Start it on this machine with `reactor connect serve`, or name another one with `--url` or `REACTOR_CONNECT_URL`.',
  },
  setting_invalid: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The setting {setting} ({place}) {problem}',
    suggestedFix: '{fix}',
  },
  simulated_config_error: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: the faker was told to refuse row {row}',
    suggestedFix: 'Remove `fail` from the stream in the faker configuration.',
  },
  simulated_failure: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Stream {stream}: the faker was told to fail at row {row}',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint. Remove `fail` from the stream to stop the failures.',
  },
  source_authorization_lost: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{subject}: the vendor no longer accepts the authorization: {reason}',
    suggestedFix:
      'Authorize anew with the vendor, and put the new refresh token into `source.config` of the run file (in the service: `reactor connect instances credentials`).',
  },
  source_busy: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'PostgreSQL at {host}:{port} has no room for more work (SQLSTATE {sqlstate})',
    suggestedFix:
      'Wait, raise `max_connections` (or free disk and memory) on the source, or lower `parallel` of the instance.',
  },
  source_check_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The source ({type}) cannot be used: {reason}',
    suggestedFix:
      'Correct `source.config` in {file} (or the variables that it takes from the environment), then run the same command again.',
  },
  source_column_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: column {column} no longer exists in the source',
    suggestedFix:
      'Run discover, accept the new schema of the stream, and run the connection again.',
  },
  source_config_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The configuration of {connector} is invalid: {problems}',
    suggestedFix:
      'Correct the named fields; the specification of the connector lists what they may hold.',
  },
  source_connection_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The connection to PostgreSQL at {host}:{port} was lost: {reason}',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint. If it happens often, look for timeouts in proxies and for restarts in the log of the server.',
  },
  source_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'PostgreSQL at {host}:{port} refused the login of user {user}: {reason}',
    suggestedFix:
      'Check `user` and `password` of the instance, and that pg_hba.conf lets this address in.',
  },
  source_cursor_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream}: column {column} cannot be the cursor: {reason}',
    suggestedFix:
      'Choose a cursor field that is selected and has an order, such as `updated_at` or an ever-growing id.',
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
      'Stream {stream}: the source holds text that is not valid in UTF-8 (SQLSTATE {sqlstate})',
    suggestedFix:
      "Repair the text in the source, or read a view that converts it: `convert_from(convert_to(column, 'SQL_ASCII'), 'LATIN1')`.",
  },
  source_failed: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: true,
    message: '{subject} failed: {reason}',
    suggestedFix:
      'Look at what the API answered (`--log-level debug`). A template or path of the manifest that does not fit the answer must be corrected; otherwise run again: it resumes from the last checkpoint.',
  },
  source_file_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file} cannot be used: {reason}',
    suggestedFix:
      'Name a JSON file that exists: `--config` an object, `--catalog` a configured catalog, `--state` a list of states.',
  },
  source_permission_denied: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message: 'User {user} may not read {object}',
    suggestedFix:
      'Grant it: `GRANT USAGE ON SCHEMA … TO …; GRANT SELECT ON ALL TABLES IN SCHEMA … TO …`.',
  },
  source_query_failed: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: 'PostgreSQL at {host}:{port} failed a query (SQLSTATE {sqlstate}): {reason}',
    suggestedFix:
      'Look up the SQLSTATE in the PostgreSQL manual (appendix A) and the statement in the log of the server.',
  },
  source_read_interrupted: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'Stream {stream} was stopped where its read cannot continue later: {reason}',
    suggestedFix:
      'Run the connection again: the stream starts from its last checkpoint. A primary key makes a full refresh resumable.',
  },
  source_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{subject} was refused: {reason}',
    suggestedFix:
      'Correct what the reason names: credentials, permissions of the token, or a field of `source.config`.',
  },
  source_snapshot_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The snapshot that the run reads from is gone (SQLSTATE {sqlstate})',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint with a new snapshot.',
  },
  source_state_invalid: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Stream {stream}: the saved state does not fit the stream: {reason}',
    suggestedFix:
      'Reset the stream (read it from the beginning), or restore the configuration that the state was written with.',
  },
  source_stream_missing: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'Stream {stream} does not exist in the source',
    suggestedFix:
      'Run discover and remove or replace the stream. If the table was renamed, select it under its new name.',
  },
  source_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'The source of {instance} did not answer within {seconds} seconds',
    suggestedFix: 'Look whether the system is up and how long it takes to answer, then try again.',
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
      'Run again later: it resumes from the last checkpoint. If it happens often, read less at a time or ask the vendor for a higher rate limit.',
  },
  source_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'PostgreSQL at {host}:{port} cannot be reached: {reason}',
    suggestedFix:
      'Check `host` and `port`, that the server runs and listens on that address, and that no firewall is in between.',
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
  store_permission_denied: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The metadata database does not let the service do what it must: {reason}',
    suggestedFix:
      'Run `GRANT CREATE ON DATABASE …` for the user of `REACTOR_CONNECT_DATABASE_URL`, or let it own the schemas `reactor_connect_service` and `reactor_connect_jobs`.',
  },
  store_schema_newer: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message:
      'The metadata database was made by a newer version (migration {found}; this version knows {known})',
    suggestedFix:
      'Start the newer version of Reactor Connect, or restore the backup of the metadata database that you took before the upgrade.',
  },
  store_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The metadata database does not answer: {reason}',
    suggestedFix:
      'Check that the PostgreSQL of `REACTOR_CONNECT_DATABASE_URL` runs and lets the service in; the service goes on by itself once it does.',
  },
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
  too_many_followers: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: '{limit} logs are followed {scope} already',
    suggestedFix:
      'Close event streams that nobody looks at, or try again in {seconds} seconds; without `Accept: text/event-stream` the log is given in parts.',
  },
  unauthorized: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'This needs a valid API key or login',
    suggestedFix:
      'Send `Authorization: Bearer KEY`. The first start of the service prints a key; `reactor auth login` logs in, or keeps a key, for the command line.',
  },
  unexpected: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'Unexpected failure: {reason}',
    suggestedFix: 'Run again with `--log-level debug` and report the output as a bug.',
  },
  unknown_connector: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no connector of type {type}; known types: {known}',
    suggestedFix: 'Use one of the known types.',
  },
  usage: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{problem}',
    suggestedFix: '{fix}',
  },
  user_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no user {email}',
    suggestedFix: 'Run `reactor auth users list` for the users.',
  },
  vault_conflict: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'The secrets at {path} were changed by somebody else in the meantime',
    suggestedFix: 'Do it again: it starts from the secrets as they are now.',
  },
  vault_corrupt: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'The secrets at {path} were changed outside of the vault, or damaged',
    suggestedFix:
      'Restore {file} from a backup, or delete it and set the credentials of the instance again.',
  },
  vault_key_wrong: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The vault in {folder} was encrypted with another key: {reason}',
    suggestedFix:
      'Start with the right REACTOR_CONNECT_VAULT_KEY. To change the key, give the old one as REACTOR_CONNECT_VAULT_PREVIOUS_KEY for one start.',
  },
  vault_permissions: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'Others on this machine can reach {path}: {reason}',
    suggestedFix: 'Run `{command}`, then start again.',
  },
  vault_refused: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: 'The vault at {url} refused to {operation}: {reason}',
    suggestedFix:
      'Check the token, its policy (docs/credentials.md has one), the mount and the namespace.',
  },
  vault_rotation_refused: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The key of the vault cannot be rotated by this command: {reason}',
    suggestedFix: '{fix}',
  },
  vault_too_large: {
    failureType: 'config_error',
    httpStatus: 413,
    retryable: false,
    message: 'The secrets at {path} are larger than {limit} bytes',
    suggestedFix:
      'Set shorter secrets. If this is a token that grew, report it with the type of the connector.',
  },
  vault_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The vault at {url} cannot be used: {reason}',
    suggestedFix:
      'Check that the vault runs, is unsealed and can be reached from this machine, then try again.',
  },
  version_conflict: {
    failureType: 'config_error',
    httpStatus: 412,
    retryable: false,
    message: '{kind} {name} was changed in the meantime: it has version {actual}, not {expected}',
    suggestedFix: 'Get it again, look at what changed, and repeat the update with its new version.',
  },
  worker_died: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message: 'A worker thread died: {reason}',
    suggestedFix:
      'Run the connection again: it resumes from the last checkpoint. If it happens again, run with `--log-level debug` and report the output.',
  },
  worker_out_of_memory: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'A worker thread needed more heap than it may have',
    suggestedFix:
      'Raise `limits.worker_heap_mb` in the run file, or lower the width of the rows that are read.',
  },
} as const satisfies Record<string, ErrorCode>

/** The names of the codes. */
export type ErrorCodeName = keyof typeof errorCodes
