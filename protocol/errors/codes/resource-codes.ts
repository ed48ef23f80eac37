import type { ErrorCode } from '../error-code.ts'

/** Errors of the service's instances, connections, runs and sandboxes. Sorted by name. */
export const resourceCodes = {
  connection_has_active_run: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Run {run} of connection {connection} is queued or running',
    suggestedFix:
      'Wait until it ends (`reactor connect connections runs logs {connection} {run} --follow`), or cancel it with `reactor connect connections runs cancel {connection} {run}`, and repeat this.',
  },
  connection_inactive: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} is inactive: it has not been promoted or activated yet',
    suggestedFix:
      'See what it would do with `reactor connect connections sandbox {connection}` and promote it with the token that this prints, or activate it without a preview with `reactor connect connections activate {connection}`.',
  },
  connection_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no connection {connection}',
    suggestedFix: 'Run `reactor connect connections list` for the names of the connections.',
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
    message: 'Instance {instance} is used by {used_by}',
    suggestedFix:
      'Run `reactor connect connections list --instance {instance}` and `reactor connect receivers list --instance {instance}`, delete those first, and repeat this. Ask an administrator about those that you may not see.',
  },
  instance_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no instance {instance}',
    suggestedFix: 'Run `reactor connect instances list` for the names of the instances.',
  },
  promote_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Connection {connection} was not promoted: since the sandbox {what} changed',
    suggestedFix:
      'Look at the new diff in `details.sandbox`, and promote with its `promote_token`; if there is none, run `reactor connect connections sandbox {connection}`.',
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
    message: 'The promote token was not issued to you for connection {connection}',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` with the same key that promotes, and pass the token unchanged.',
  },
  promote_token_replaced: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The promote token of connection {connection} is outdated: sandbox {sandbox} has replaced it',
    suggestedFix:
      'Look at it with `reactor connect connections sandboxes {connection} {sandbox}`, and promote with its token; or run `reactor connect connections sandbox {connection}` again.',
  },
  promote_token_used: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The promote token of connection {connection} was used: it started run {run}',
    suggestedFix:
      'Look at the run with `reactor connect connections runs get {connection} {run}`. For another promotion run a new sandbox.',
  },
  run_active: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Run {run} of connection {connection} is queued or running',
    suggestedFix:
      'Wait until it ends (`reactor connect connections runs logs {connection} {run} --follow`), or cancel it with `reactor connect connections runs cancel {connection} {run}`, before you start another.',
  },
  run_ended: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'Run {run} has ended already',
    suggestedFix:
      'Run `reactor connect connections runs get {connection} {run}` to see how it ended; retry it if it failed.',
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
    message: 'All streams of run {run} are complete: there is nothing to retry',
    suggestedFix: 'Start a new run with `reactor connect connections runs start {connection}`.',
  },
  sandbox_active: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'A sandbox of connection {connection} is still running',
    suggestedFix:
      'Wait until it ends (`reactor connect connections sandboxes {connection}`), or delete it, and repeat this.',
  },
  sandbox_limit_reached: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message:
      'This service is already running {limit} sandboxes, the most that it runs at the same time',
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
  sandbox_of_another: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message:
      'Sandbox {sandbox} of connection {connection} is not yours: an agent deletes only its own',
    suggestedFix:
      'Leave it: it expires by itself. Or ask the principal who ran it, or a person, to delete it.',
  },
  sandbox_rows_gone: {
    failureType: 'config_error',
    httpStatus: 410,
    retryable: false,
    message: 'The rows of sandbox {sandbox} are gone with its schema at the destination',
    suggestedFix:
      'Run `reactor connect connections sandbox {connection}` again to see rows: they stay until it expires, or is promoted or deleted.',
  },
  sandbox_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'The sandbox did not end within {seconds} seconds and was stopped',
    suggestedFix:
      'Ask for fewer rows (`--limit-rows 10`) or for some streams only (`--streams A,B`); if source and destination should be fast, look at the log of the service.',
  },
  schedule_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The schedule is not valid: {problem}',
    suggestedFix:
      'Write five fields, such as `*/15 * * * *`, and an IANA time zone, such as `Europe/Berlin`.',
  },
  schema_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'No run has carried records with the schema {fingerprint}',
    suggestedFix:
      'Run `reactor connect schemas list` for the schemas. A fingerprint is 16 hexadecimal digits, most significant first: in a message its bytes are in reverse order.',
  },
} as const satisfies Record<string, ErrorCode>
