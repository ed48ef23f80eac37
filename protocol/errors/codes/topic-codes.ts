import { resetOfDetails } from '../../../lib/text/reset-commands.ts'
import type { ErrorCode } from '../error-code.ts'

/** Errors of topics as a destination. Sorted by name. */
export const topicCodes = {
  destination_checkpoints_damaged: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The checkpoints in topic {topic} cannot be used: {problem}',
    suggestedFix:
      'Run the newest version of Reactor Connect if another one wrote the topic. Otherwise find out who else writes to it; then delete the topic while no run is active, and run the connection again: it reads all streams from the beginning.',
  },
  destination_checkpoints_replaced: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Topic {topic} does not know this run: during the run, it was deleted, or deleted and made again',
    suggestedFix:
      'Run the connection again when nobody changes the topic: it continues from the checkpoints that are there, and starts over if there are none. Then delete the topics of streams that append before you run it, or their rows are in them twice.',
  },
  destination_message_too_large: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Topic {topic} does not accept a batch of messages: it is larger than its `max.message.bytes`',
    suggestedFix:
      'Raise it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config max.message.bytes=8912896`, then run again. It was larger when the run began.',
  },
  destination_mode_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Stream {stream} cannot be loaded into {place} with the mode {mode}: {reason}',
    suggestedFix: '{fix}',
  },
  destination_option_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The destination {destination} has no option `{option}`',
    suggestedFix:
      'Remove `{option}`: `format`, `envelope` and `partitions` are for topics, `table` is for tables.',
  },
  destination_topic_form_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The messages in topic {topic} have another form than those of stream {stream} would have now. Before: {before}; now: {after}. Readers of the topic would meet both',
    suggestedFix:
      'Set back what has changed, or load the stream into another topic. To use this one, delete it while no run is active: the next run makes it again and fills it from the beginning.',
  },
  destination_topic_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Topic {topic} cannot be a destination: the name {problem}',
    suggestedFix: 'Choose another name for the topic of the destination.',
  },
  destination_topic_key_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The rows in topic {topic} have the key {before}, but those of stream {stream} would now have the key {after}: the old rows would stay beside the new ones',
    suggestedFix:
      'Load the stream into another topic, or set `destination_sync_mode: overwrite_dedup` for one run, which deletes the rows of the old key; or set back what has changed.',
  },
  destination_topic_missing: {
    failureType: 'transient_error',
    httpStatus: 500,
    retryable: true,
    message: 'Topic {topic} is gone: it was deleted while the run used it. {loss}',
    suggestedFix: 'Run the connection again: {next}.',
  },
  destination_topic_partitions: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Topic {topic} has {now} partitions, and stream {stream} was loaded into {before}: it is another topic of the same name',
    suggestedFix:
      'Load the stream into another topic. To start over in this one, delete topic {checkpoints} while no run is active: all streams of the connection are read from the beginning then.',
  },
  destination_topic_policy: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Topic {topic} has cleanup.policy={policy}; Reactor Connect needs {needed} there',
    suggestedFix:
      'Set it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy={needed}`, then run again.',
  },
  destination_topic_repeated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} appends to topic {topic}, and would be read from the beginning again ({why}): its rows would be in the topic twice',
    suggestedFix: `Load the stream into another topic, or set back what has changed. To have each row once in this topic, delete it while no run is active, and run the connection again. To add all rows a second time, run ${resetOfDetails}.`,
  },
  destination_topic_shared: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Streams {stream} and {other} would both be loaded into topic {topic}: their rows could not be distinguished',
    suggestedFix: '{fix}',
  },
  destination_transaction_lost: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Kafka has ended the transaction of stream {stream} in topic {topic}: {reason}',
    suggestedFix:
      'Run the connection again: no row is lost or doubled. If the source takes long between two states, raise `transaction.max.timeout.ms` of the brokers to 900000, or read the stream in smaller parts.',
  },
} as const satisfies Record<string, ErrorCode>
