import type { ErrorCode } from '../error-code.ts'

/** Errors of access: keys, logins, permissions, rate limits. Sorted by name. */
export const accessCodes = {
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
    message: 'An API key cannot create a key with more rights than its own: {problem}',
    suggestedFix: 'Request fewer rights, or ask an admin to create the key.',
  },
  identity_external: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The Identity service at {url} manages users and logins, not this service',
    suggestedFix:
      'Add users and change passwords at the Identity service; `reactor auth login EMAIL` logs in there.',
  },
  identity_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'Logins cannot be verified: the keys for verifying them cannot be read',
    suggestedFix:
      'Try again in a few seconds. The log of the service has the reason; API keys still work.',
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
    suggestedFix:
      'Check both. If the service has no such user yet, an admin adds it with `reactor auth users add EMAIL --role operator`; `reactor auth users reset EMAIL` makes a new password.',
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
    message: 'Too many login attempts',
    suggestedFix: 'Wait {seconds} seconds and try again. API keys still work.',
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
      'Correct the policy there (docs/access.md lists everything that a policy can refer to) and start again, or leave `policy_file` out to use the default policy.',
  },
  policy_unreadable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The policy {file} cannot be read: {reason}',
    suggestedFix:
      'Set `policy_file` to a file that the service can read, or leave it out to use the default policy.',
  },
  rate_limited: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: 'Too many {what} in a minute; the limit is {limit}',
    suggestedFix:
      'Try again in {seconds} s (the header Retry-After has the same value). The operator of the service sets the limit with `{setting}`.',
  },
  too_many_followers: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: '{limit} logs are already being followed {scope}',
    suggestedFix:
      'Close event streams that nobody reads, or try again in {seconds} seconds; without `Accept: text/event-stream` the log is returned in parts.',
  },
  unauthorized: {
    failureType: 'config_error',
    httpStatus: 401,
    retryable: false,
    message: 'This needs a valid API key or login',
    suggestedFix:
      'Send `Authorization: Bearer KEY`. The first start of the service prints a key; `reactor auth login` stores a login or a key for the command line.',
  },
  user_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no user {email}',
    suggestedFix: 'Run `reactor auth users list` for the users.',
  },
} as const satisfies Record<string, ErrorCode>
