import type { ErrorCode } from '../error-code.ts'

/** Errors of the log between readers and sinks. Sorted by name. */
export const logCodes = {
  kafka_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Kafka at {brokers} refused the credentials of user {username}',
    suggestedFix:
      'Check `sasl` (mechanism, username, password) and `ssl` in the run file, of the log or of the destination that has these brokers, then run again.',
  },
  kafka_failed: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'Kafka at {brokers} failed while {doing} {target}: {reason}',
    suggestedFix:
      "Look at the broker's log, then run the connection again: no row is lost or doubled.",
  },
  kafka_permission_denied: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Kafka at {brokers} does not allow {doing} {target}: {reason}',
    suggestedFix:
      'Grant the user the rights that docs/topics.md lists for the log (topics, groups and transactional ids with the prefix `connect.`), and docs/topic-destination.md for a destination, then run again.',
  },
  kafka_tls_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No encrypted connection to Kafka at {brokers}: {reason}',
    suggestedFix:
      'Trust your own certificate authority with `NODE_EXTRA_CA_CERTS=FILE.pem`, or correct the certificate of the broker, then run again.',
  },
  kafka_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Kafka cannot be reached at {brokers}: {reason}',
    suggestedFix:
      'Start the broker (`npm run kafka` on this machine) or correct `brokers`, then run again; `--log embedded` runs without Kafka as the log.',
  },
  log_foreign_message: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic}, partition {partition}: the message at offset {offset} was not written by Reactor Connect ({reason})',
    suggestedFix:
      'Find out who writes to the topic (`kafka-acls.sh --list --topic {topic}` lists who may) and stop that, or give the connection another name, which its topics get too. Then run once without Kafka (`--log embedded`), which passes by what is in the topic and deletes nothing; runs through Kafka go on after that.',
  },
  log_lane_in_use: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message:
      'Partition {partition} of stream {stream} of connection {connection} was opened twice by the same side',
    suggestedFix: 'Run the connection again; if it happens twice, report it with the run log.',
  },
  log_message_too_large: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic} does not accept a message of {bytes} bytes: its `max.message.bytes` is {limit}',
    suggestedFix:
      'Raise it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config max.message.bytes=67633152`, then run again.',
  },
  log_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The connection uses Kafka, but the service has no brokers',
    suggestedFix:
      'Set `KAFKA_BROKERS` (or `kafka.brokers` below `[connect]`) and restart the service, or use `"log": "embedded"`.',
  },
  log_out_of_order: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      "Stream {stream}, partition {partition}, slice '{slice}': the log returned a {entry} at {actual} instead of {expected}; nothing of it was loaded",
    suggestedFix:
      "Run the connection again: no row is lost or doubled. If it happens twice, delete the stream's topic and report it with the run log.",
  },
  log_position_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Topic {topic}, partition {partition} holds only the offsets {low} to {high}; the destination is at {position}',
    suggestedFix: 'Run the connection again: it reads from the source what the log has lost.',
  },
  log_position_mismatch: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Stream {stream}: the log continues at record {actual}, but the destination expects record {expected}',
    suggestedFix:
      'Run the connection again: it reads again what the log lost, and no row is lost or doubled.',
  },
  log_reader_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'The sink of stream {stream} of connection {connection}, partition {partition}, is gone',
    suggestedFix:
      "Look at the sink's own error in the run's log, then run the connection again: no row is lost or doubled.",
  },
  log_topic_compacted: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic} has cleanup.policy={policy}: Kafka accepts no message without a key there',
    suggestedFix:
      'Set its policy with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=delete`, then run again.',
  },
  log_topic_missing: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message: 'Topic {topic} is gone: it was deleted while the run used it',
    suggestedFix:
      'Run the connection again: it creates the topic again and reads what is missing at the destination from the source.',
  },
  log_topic_name_taken: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Topic {topic} cannot be created: {reason}',
    suggestedFix:
      'Kafka does not distinguish `.` and `_` in topic names. Give the connection another name, or delete the other topic if it is one of Reactor Connect that nobody needs.',
  },
  log_topic_not_compacted: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic} has cleanup.policy={policy}, but it holds the last value of each key: its messages would be deleted after a while, with keys that are still needed',
    suggestedFix:
      'Run `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=compact`, then run again.',
  },
  log_version_newer: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic}, partition {partition}: the message at offset {offset} has version {version} of the topics; this Reactor Connect reads versions up to {known}',
    suggestedFix:
      'Run the connection with the newer Reactor Connect that wrote the message, or delete the topic with `kafka-topics.sh --delete --topic {topic}`: the run then reads what is missing at the destination from the source again.',
  },
  log_writer_lost: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'The read of stream {stream} of connection {connection}, partition {partition}, ended without closing the log',
    suggestedFix:
      "Look at the read's own error in the run's log, then run the connection again: no row is lost or doubled.",
  },
  storage_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Records of stream {stream} wait in the bucket {bucket}, because they are too large for the log, and no Storage is set',
    suggestedFix:
      'Set `storage.url` and `storage.api_key` again (in the run file: `storage`) with the bucket, then run again: the records are loaded from there.',
  },
  storage_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Storage at {storage} refused {doing} the bucket {bucket}: {reason}',
    suggestedFix:
      'Check `storage` in the settings (in the run file: `storage`): the access key and its secret, the region and the bucket; and that the key may read, write, list and delete objects there. Then run again: no row is lost or doubled.',
  },
  storage_unavailable: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'Storage at {storage} failed while {doing} the bucket {bucket}: {reason}',
    suggestedFix:
      'Look at the Storage service and at `storage.url`, then run again: no row is lost or doubled.',
  },
  stored_records_lost: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message:
      'Records that wait for the destination are lost: {key} in the bucket {bucket} of Storage at {storage}: {reason}',
    suggestedFix:
      'Delete the topic of the stream (with `kafka-topics.sh --delete`), then run again: the run reads what is missing at the destination from the source again. If a lifecycle rule of the bucket deletes objects, let it keep them for as long as the topic keeps its messages.',
  },
  topic_incomplete: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Topic {topic} no longer has all messages that the table is made of: {gone}',
    suggestedFix: '{fix}',
  },
  topic_messages_gone: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message:
      'Topic {topic}, partition {partition}: the message at offset {offset} was removed while the topic was read',
    suggestedFix:
      'Read the topic again. If it happens again, its retention is shorter than a read takes: raise `retention.ms` of the topic.',
  },
  topic_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no topic {topic} at {brokers}',
    suggestedFix:
      '`reactor connect topics list` shows the topics of streams. Check the brokers, and the right to describe the topic.',
  },
  topic_not_of_stream: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No table can be made of topic {topic}: {found}',
    suggestedFix: '{fix}',
  },
} as const satisfies Record<string, ErrorCode>
