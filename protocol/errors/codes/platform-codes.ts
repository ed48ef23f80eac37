import type { ErrorCode } from '../error-code.ts'

/** Errors of what the service depends on: its database, its settings, other services. Sorted by name. */
export const platformCodes = {
  data_refused: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: 'The Data service at {url} did not {operation}: {reason}',
    suggestedFix:
      'Check `REACTOR_CONNECT_DATA_URL` and `REACTOR_CONNECT_DATA_API_KEY`, and that the service responds as docs/data.md describes.',
  },
  data_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The Data service at {url} cannot be used: {reason}',
    suggestedFix:
      'Check `REACTOR_CONNECT_DATA_URL` and that the Data service runs; runs that wait for it go on by themselves as soon as it does.',
  },
  embedded_postgres_failed: {
    failureType: 'system_error',
    httpStatus: 500,
    retryable: false,
    message: 'The embedded PostgreSQL does not run: {reason}',
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
  jobs_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The Jobs service at {url} cannot be used: {reason}',
    suggestedFix:
      'Check `REACTOR_CONNECT_JOBS_URL`, `REACTOR_CONNECT_JOBS_API_KEY` and that the Jobs service runs.',
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
  setting_invalid: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The setting {setting} ({place}) {problem}',
    suggestedFix: '{fix}',
  },
  store_permission_denied: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The metadata database does not give the service the rights that it needs: {reason}',
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
    message: 'The metadata database does not respond: {reason}',
    suggestedFix:
      'Check that the PostgreSQL of `REACTOR_CONNECT_DATABASE_URL` runs and accepts the login of the service; the service continues by itself as soon as it does.',
  },
} as const satisfies Record<string, ErrorCode>
