import type { ErrorCode } from '../error-code.ts'

/** Errors of who may do what. Sorted by name. */
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
    message: 'A key cannot make one that is stronger than itself: {problem}',
    suggestedFix: 'Ask for less, or let an admin make the key.',
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
  rate_limited: {
    failureType: 'transient_error',
    httpStatus: 429,
    retryable: true,
    message: 'Too many {what} in a minute; the limit is {limit}',
    suggestedFix:
      'Ask again in {seconds} s (the header Retry-After says so too). The operator of the service sets the limit with `{setting}`.',
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
  user_not_found: {
    failureType: 'config_error',
    httpStatus: 404,
    retryable: false,
    message: 'There is no user {email}',
    suggestedFix: 'Run `reactor auth users list` for the users.',
  },
} as const satisfies Record<string, ErrorCode>
