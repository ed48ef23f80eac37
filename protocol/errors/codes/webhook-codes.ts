import type { ErrorCode } from '../error-code.ts'

/** Errors of webhooks: receivers, what comes in, where it goes. Sorted by name. */
export const webhookCodes = {
  delivery_conflict: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'An event with this id was received before, with another body',
    suggestedFix:
      'Send each event under an id of its own. The receiver keeps this delivery as `suspicious`, and dispatches only the first one.',
  },
  delivery_encoding_unsupported: {
    failureType: 'config_error',
    httpStatus: 415,
    retryable: false,
    message: 'The body of the delivery is compressed, and signatures cover what is sent',
    suggestedFix: 'Send the body as it was signed, without `Content-Encoding`.',
  },
  delivery_malformed: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The delivery is genuine, but cannot be used: {reason}',
    suggestedFix:
      'Send events as the receiver expects them: `reactor connect receivers get NAME` shows its rules.',
  },
  delivery_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'The receiver {receiver} has no delivery {id}',
    suggestedFix:
      'Run `reactor connect deliveries list {receiver}` for the ids. Old deliveries are deleted: docs/webhooks.md says when.',
  },
  delivery_outside_window: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'The delivery was signed at another time than now',
    suggestedFix:
      'Check the clocks of the sender and of the service. Sign each delivery when it is sent, also a repeated one.',
  },
  delivery_refused: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'The address or the signature of the delivery is not valid',
    suggestedFix:
      'Check that the sender has the address and the secret of the receiver. The secret is set with `reactor connect receivers secret NAME`.',
  },
  delivery_too_large: {
    failureType: 'config_error',
    httpStatus: 413,
    retryable: false,
    message: 'The delivery has more than {limit} bytes',
    suggestedFix:
      'Send smaller events. The operator of the service sets the limit with `{setting}`.',
  },
  delivery_too_slow: {
    failureType: 'transient_error',
    httpStatus: 408,
    retryable: true,
    message: 'The body of the delivery came too slowly',
    suggestedFix: 'Send it again, at 256 KiB in 5 seconds or faster.',
  },
  dispatch_failed: {
    failureType: 'transient_error',
    httpStatus: 502,
    retryable: true,
    message: 'The target {target} did not take the event: {reason}',
    suggestedFix:
      'Check the target. The event is tried again by itself; what was given up is listed by `reactor connect deliveries dead`, and sent again by `reactor connect deliveries replay`.',
  },
  ingress_unavailable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The delivery could not be stored at the moment',
    suggestedFix:
      'Send it again. `reactor connect doctor` finds out which part of the service does not respond.',
  },
  receiver_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no receiver {name}',
    suggestedFix: 'Run `reactor connect receivers list` for the names of the receivers.',
  },
  receiver_secret_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The signing secret has not the form that {sender} uses: {reason}',
    suggestedFix:
      'Copy the secret from where the sender shows it, whole and without spaces, and give it again. Of a sender of your own, the secret must have the form that `secret` of its rules names.',
  },
  target_not_available: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Events cannot go to {target}: {reason}',
    suggestedFix: '{fix}',
  },
  webhook_not_found: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The connector {type} has no webhook {webhook}',
    suggestedFix: '{fix}',
  },
} as const satisfies Readonly<Record<string, ErrorCode>>
