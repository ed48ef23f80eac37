import type { ErrorCode } from '../error-code.ts'

/** Errors of external Airbyte connectors, which run as processes. Sorted by name. */
export const airbyteCodes = {
  airbyte_definition_invalid: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The description of the external connector, {file}, cannot be used: {reason}',
    suggestedFix:
      'Import the connector again, with `--force`: docs/connectors/airbyte-process.md shows how.',
  },
  airbyte_disabled: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message:
      'Connector {connector} is a program of somebody else, and such programs are not started unless the operator allows it',
    suggestedFix:
      'If you trust the program, set `REACTOR_CONNECT_AIRBYTE_ENABLED=true` for this command, or `enabled = true` in `[connect.airbyte]` for the service, and start it again.',
  },
  airbyte_message_invalid: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: '{subject}: the connector broke the Airbyte protocol: {reason}',
    suggestedFix:
      'Nothing after the last checkpoint was loaded. Install another version of the connector, or report the message to its authors; `--log-level debug` shows what it wrote.',
  },
  airbyte_messages_passed: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message:
      'Stream {stream} cannot be tried again by itself: the messages of the source on standard input have passed',
    suggestedFix:
      'Run source and destination again, the source from the last states that the destination printed.',
  },
  airbyte_process_failed: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: true,
    message: '{subject} failed in the external connector: {reason}',
    suggestedFix:
      'Look at the lines of the connector in the log of the run (with `--log-level debug` for its stack traces), correct what they name, and run the connection again: no row is lost or doubled.',
  },
  airbyte_process_limit: {
    failureType: 'system_error',
    httpStatus: 502,
    retryable: false,
    message: '{subject}: the external connector was ended, because {reason}',
    suggestedFix:
      'If it needs more, import {name} again with `{option}` and a higher number, and `--force`. Then run the connection again: no row is lost or doubled.',
  },
  airbyte_process_not_started: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The program {program} of connector {name} cannot be started: {reason}',
    suggestedFix:
      'Check that the program exists and may be executed by this user, then import the connector again with `--force`.',
  },
  airbyte_source_incomplete: {
    failureType: 'transient_error',
    httpStatus: 409,
    retryable: false,
    message: 'Stream {stream} is not complete: {reason}',
    suggestedFix:
      'Look at the errors of the source, then run source and destination again. Rows before the last printed state are loaded; a table that is to be replaced is as it was.',
  },
  python_package_failed: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The Python package {package} cannot be installed: {reason}',
    suggestedFix:
      'Check its name in the Python Package Index, and that this Python is of a version that the package takes: `--python python3.11` names another one.',
  },
} as const satisfies Record<string, ErrorCode>
