import type { ErrorCode } from '../error-code.ts'

/** Errors that the command line itself reports. Sorted by name. */
export const cliCodes = {
  bind_failed: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'The HTTP server cannot listen on {host}:{port}: {reason}',
    suggestedFix:
      'Choose another address with `REACTOR_CONNECT_BIND`, or stop the program that has this one.',
  },
  codegen_file_foreign: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{file} exists, and was not written by `reactor connect codegen`',
    suggestedFix: 'Choose another file with `--out`, or give `--force` to replace this one.',
  },
  codegen_file_outdated: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message: '{file} {problem}',
    suggestedFix:
      'Run `reactor connect codegen --instance {instance} --out {file}`, compile the code that uses it, and commit the file.',
  },
  codegen_file_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file} cannot be read or written ({reason})',
    suggestedFix: 'Give `--out` the name of a TypeScript file in a folder that you may write to.',
  },
  manifest_site_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message:
      'Airbyte’s manifest of {connector} cannot be fetched: its site does not respond: {reason}',
    suggestedFix:
      'Check the network and the name server of this machine, or download the manifest elsewhere and import the file: `reactor connect catalog import FILE`.',
  },
  metrics_port_unavailable: {
    failureType: 'config_error',
    httpStatus: 500,
    retryable: false,
    message: 'Metrics cannot be served on 127.0.0.1:{port}: {reason}',
    suggestedFix: 'Choose another port: `--metrics-port 0` picks a free one and prints it.',
  },
  run_file_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_syntax: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: the file cannot be parsed: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_unreadable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}: {problem}',
    suggestedFix: '{fix}',
  },
  run_file_variable_missing: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file}:{line}:{column}: {field}: {problem}',
    suggestedFix: '{fix}',
  },
  service_answer_invalid: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: 'The server at {url} is not this version of Reactor Connect: {reason}',
    suggestedFix:
      'Check the URL (`--url`, `REACTOR_CONNECT_URL`); run `reactor connect doctor` to compare the versions of the service and of the command line.',
  },
  service_refused: {
    failureType: 'config_error',
    httpStatus: 502,
    retryable: false,
    message: '{message} [{service_code}]',
    suggestedFix: '{fix}',
  },
  service_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The service at {url} cannot be reached: {reason}',
    suggestedFix: '{fix}',
  },
  source_check_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The source ({type}) cannot be used: {reason}',
    suggestedFix:
      'Correct what the reason names: the system if it cannot be reached, the manifest if it is wrong, otherwise `source.config` in {file} (or the environment variables that it uses). Then run the same command again.',
  },
  source_file_unusable: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{file} cannot be used: {reason}',
    suggestedFix:
      'Name an existing JSON file: an object for `--config`, a configured catalog for `--catalog`, a list of states for `--state`.',
  },
  usage: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: '{problem}',
    suggestedFix: '{fix}',
  },
} as const satisfies Record<string, ErrorCode>
