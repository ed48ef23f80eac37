import type { ErrorCode } from '../error-code.ts'

/** Errors of a schema registry. Sorted by name. */
export const registryCodes = {
  schema_incompatible: {
    failureType: 'config_error',
    httpStatus: 409,
    retryable: false,
    message:
      'The schema registry at {registry} does not take the new schema of {subject}: under the rule {compatibility} it does not fit the older ones: {reason}',
    suggestedFix:
      'Write the stream to another topic, or allow the change once: set the compatibility of {subject} to NONE in the registry (Apicurio 3: as a rule of the artifact, by its own API), run the connection, and set it back.',
  },
  schema_registry_refused: {
    failureType: 'config_error',
    httpStatus: 422,
    retryable: false,
    message: 'The schema registry at {registry} refused {doing}: {reason}',
    suggestedFix:
      'Check `url`, `username` and `password` of the schema registry, and the rights of that user on the subject, then run again.',
  },
  schema_registry_unreachable: {
    failureType: 'transient_error',
    httpStatus: 503,
    retryable: true,
    message: 'The schema registry at {registry} does not respond: {reason}',
    suggestedFix:
      'Start the registry or correct its `url`, then run again: no row is lost or doubled.',
  },
} as const satisfies Record<string, ErrorCode>
