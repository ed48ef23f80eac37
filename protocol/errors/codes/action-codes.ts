import type { ErrorCode } from '../error-code.ts'

/** Errors of actions. Sorted by name. `{vendor}` is the title of the connector. */
export const actionCodes = {
  action_account_changed: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      '{action} was not sent again: the first call under this Idempotency-Key may have been carried out, and instance {instance} has other credentials or another account of {vendor} since',
    suggestedFix:
      'Look at {vendor}, in the account that {instance} had then, whether {action} was done. If it was not, either give {instance} the former credentials and account again and repeat the call with the same key, or send it with a new key to the present account.',
  },
  action_address_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{action} was not sent to {vendor}: {reason}',
    suggestedFix:
      'Correct the address of {vendor} in the configuration: `reactor connect instances get {instance}` shows it.',
  },
  action_credentials_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The credentials of instance {instance} do not work at {vendor}: {reason}',
    suggestedFix:
      'Set new credentials: `reactor connect instances credentials {instance}`. Then run `reactor connect instances check {instance}`.',
  },
  action_declined: {
    failureType: 'transient_error',
    httpStatus: 422,
    retryable: false,
    message: '{vendor} tried {action}, and it was declined: {reason}',
    suggestedFix:
      'Ask the payer for another payment method, or to speak to their bank: the request itself is correct. `details.vendor_error` says why it was declined, and what {vendor} made of the call.',
  },
  action_input_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The input of {action} is invalid. {problem}',
    suggestedFix:
      'Correct the fields that the message and `details.problems` name. `reactor connect actions show {instance} {action}`, or GET /connect/v1/instances/{instance}/actions/{action}, lists the fields that it takes.',
  },
  action_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'The connector {type} of instance {instance} has no action {action}',
    suggestedFix:
      '{suggestion}Run `reactor connect actions list {instance}` to see the actions of the instance.',
  },
  action_outcome_unknown: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: 'It is not known whether {vendor} carried out {action}: {reason}',
    suggestedFix:
      'Look at {vendor} whether it was done. Invoke the action again only if it was not: a repeated call could do it twice, or be refused because it is done.',
  },
  action_permission_denied: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{vendor} does not let the credentials of instance {instance} do {action}: {reason}',
    suggestedFix:
      'Give the key or the app of {instance} the missing permission at {vendor}, or set other credentials: `reactor connect instances credentials {instance}`.',
  },
  action_rate_limited: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: '{vendor} limits the rate of requests, so {action} was not carried out: {reason}',
    suggestedFix:
      'Invoke the action again later, after the wait that {vendor} asks for if the message says one. Send fewer requests with the same credentials.',
  },
  action_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{vendor} refused {action}: {reason}',
    suggestedFix: 'Correct the input as the message of {vendor} says.',
  },
  action_response_unreadable: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: false,
    message: 'The response of {vendor} to {action} cannot be used: {reason}',
    suggestedFix: '{fix}',
  },
  action_unavailable: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: '{vendor} could not be reached or failed, so {action} gave no result: {reason}',
    suggestedFix:
      'Invoke the action again later, with the same Idempotency-Key if it had one, within 24 hours of the first call: then it is safe to repeat. Look at the status page of {vendor}.',
  },
  dry_run_token_expired: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The token of the dry-run of {action} has expired',
    suggestedFix: 'Run the dry-run again, and invoke the action with the new token.',
  },
  dry_run_token_invalid: {
    failureType: 'config_error',
    httpStatus: 403,
    retryable: false,
    message:
      'The dry-run token is not valid for this call of {action}: it belongs to another principal, instance, action or input, or the instance has changed since',
    suggestedFix:
      'Run the dry-run again with the same input, and invoke the action with the token that it returns.',
  },
  dry_run_token_used: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The token of the dry-run of {action} was used before',
    suggestedFix:
      'A token is good for one invocation, and the first one may have been carried out. If you did not get its result, look with an action that reads (`reactor connect actions list {instance}`) whether it was done, or ask an admin what the audit log has of it. If it was not done, or is to be done once more, run the dry-run again and use its token.',
  },
  dry_run_unsupported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{vendor} offers no dry-run of {action}{condition}',
    suggestedFix: '{fix}',
  },
} as const satisfies Record<string, ErrorCode>
