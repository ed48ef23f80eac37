import type { ErrorCode } from '../error-code.ts'

/** Errors of any HTTP request, whatever its resource. Sorted by name. */
export const httpCodes = {
  cursor_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The cursor did not come from this list',
    suggestedFix:
      'Leave `cursor` out to begin at the first page, and pass the `next_cursor` of each page unchanged.',
  },
  idempotency_key_in_use: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'The first request with this Idempotency-Key is still in progress',
    suggestedFix:
      'Wait a few seconds and send the same request again: it gets the response of the first one. If the process of that one has died, the key is free for it in at most {retry_after_seconds} seconds.',
  },
  idempotency_key_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'This Idempotency-Key was used with another version of Reactor Connect, whose requests this one cannot compare: nothing was done',
    suggestedFix:
      'Look whether the first request has done what you want. If it has not, send the request with a new key.',
  },
  idempotency_key_reused: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'This Idempotency-Key was used for another request',
    suggestedFix: 'Use a new key for each new request.',
  },
  media_type_unsupported: {
    failureType: 'config_error',
    httpStatus: 415,
    retryable: false,
    message: 'The body has a media type that this route does not accept, or is not in UTF-8',
    suggestedFix: 'Send JSON in UTF-8, with `Content-Type: application/json`.',
  },
  method_not_allowed: {
    failureType: 'config_error',
    httpStatus: 405,
    retryable: false,
    message: '{path} does not allow {method}',
    suggestedFix: 'Use one of the methods of the header `Allow`: {allowed}.',
  },
  name_taken: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The {kind} {name} already exists',
    suggestedFix: 'Choose another name, or update or delete the one that has it.',
  },
  not_available: {
    failureType: 'config_error',
    httpStatus: 501,
    retryable: false,
    message: '{feature} is not available in this version',
    suggestedFix: '{fix}',
  },
  request_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'The request is not valid: {problem}',
    suggestedFix:
      'Correct what the message and `details.problems` name; `GET /connect/v1/docs` shows what the route accepts.',
  },
  request_timed_out: {
    failureType: 'transient_error',
    httpStatus: 504,
    retryable: true,
    message: 'No response within {seconds} seconds; the work may still be completed',
    suggestedFix:
      'Check whether it was done, then try again. If it happens often, look at the database and at the source.',
  },
  request_too_large: {
    failureType: 'config_error',
    httpStatus: 413,
    retryable: false,
    message: 'The body is larger than {limit} bytes',
    suggestedFix: 'Send less in one request.',
  },
  route_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is nothing at {path}',
    suggestedFix:
      'Look up the path in `GET /connect/v1/docs`; the API begins with /connect/v1. The documentation is at `/docs/`.',
  },
  unexpected: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'Unexpected failure: {reason}',
    suggestedFix:
      'Report it as a bug, with the log of the service, or of `reactor connect run` with `--log-level debug`.',
  },
  version_conflict: {
    failureType: 'config_error',
    httpStatus: 412,
    retryable: false,
    message: '{kind} {name} was changed in the meantime: it has version {actual}, not {expected}',
    suggestedFix: 'Get it again, look at what changed, and repeat the update with its new version.',
  },
} as const satisfies Record<string, ErrorCode>
