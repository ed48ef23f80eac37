import type { ErrorCode } from '../error-code.ts'

/** Errors of secrets, the vault, and OAuth. Sorted by name. */
export const credentialsCodes = {
  credentials_incomplete: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The stored secrets of instance {instance} cannot be read, and not all of them were given: {fields} would be lost',
    suggestedFix:
      'Give all secrets at once: `reactor connect instances credentials {instance} --input FILE`. To keep the stored ones, mend {file} first.',
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
  oauth_client_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'No OAuth client is set for instance {instance}',
    suggestedFix:
      "Register an application with the vendor, set its client id and secret with `reactor connect instances credentials {instance} --input '{input}'`, and authorize with `reactor connect instances credentials {instance}`. On a terminal, the last one asks for both.",
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
    message: 'The token endpoint {host} returned no tokens for instance {instance}: {reason}',
    suggestedFix:
      'Check the client id, the client secret and the redirect URI that are registered with the vendor, then run `reactor connect instances credentials {instance}` again.',
  },
  oauth_not_supported: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'Connector {type} does not support OAuth in the browser',
    suggestedFix:
      'Set the credentials instead: `reactor connect instances credentials {instance} --input FILE`. `reactor connect catalog show {type}` lists the fields.',
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
      "Try again later: the stored tokens are unchanged. If it persists, check the vendor's status page and the client credentials.",
  },
  oauth_state_invalid: {
    failureType: 'config_error',
    httpStatus: 400,
    retryable: false,
    message: 'This authorization is unknown, was used already, or is older than 10 minutes',
    suggestedFix:
      'Run `reactor connect instances credentials NAME` again and finish in the browser within 10 minutes.',
  },
  reauthorization_required: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: 'The vendor no longer accepts the authorization of instance {instance}: {reason}',
    suggestedFix:
      'Run `reactor connect instances credentials {instance}` to authorize it again in the browser.',
  },
  secrets_needed_again: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'A change of {changed} would send secrets that are stored to another server: {fields}',
    suggestedFix:
      'Give {fields} again in the same request, or null to remove them; or leave {changed} as before.',
  },
  vault_conflict: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: true,
    message: 'The secrets {place} were changed by somebody else in the meantime',
    suggestedFix: 'Repeat the change: it then starts from the current secrets.',
  },
  vault_corrupt: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'The secrets {place} were changed outside of the vault, or damaged',
    suggestedFix: 'Restore {file} from a backup, or {renew}.',
  },
  vault_file_unreadable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The secrets {place} cannot be read: {reason}',
    suggestedFix: 'Let the user of the service read {file}, restore it from a backup, or {renew}.',
  },
  vault_key_wrong: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The key of the vault in {folder} is missing or wrong: {reason}',
    suggestedFix: '{fix}',
  },
  vault_permissions: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The vault is not private to this user: {reason}',
    suggestedFix: '{fix}',
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
    message: 'The secrets {place} are larger than {limit} bytes',
    suggestedFix:
      'Set shorter secrets. If this is a token that grew, report it with the type of the connector.',
  },
  vault_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The vault at {url} cannot be used: {reason}',
    suggestedFix:
      'Check that the vault runs, is unsealed and can be reached from this machine (for a folder: its permissions, and the free space on its disk), then try again.',
  },
} as const satisfies Record<string, ErrorCode>
