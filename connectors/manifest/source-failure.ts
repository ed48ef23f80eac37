import { mayPass, SourceError } from '../../manifest-interpreter/source-error.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'

const codes = {
  config_error: 'source_refused',
  transient_error: 'source_unavailable',
  system_error: 'source_failed',
} as const

/** The user must authorize again. */
export function authorizationFailure(cause: SourceError, subject: string): ConnectError {
  const details = { subject, reason: cause.message }
  return new ConnectError('source_authorization_lost', { details, cause })
}

/**
 * Converts an error of the interpreter to an error for users. `subject`: the thing that failed, as the
 * beginning of a sentence.
 */
export function sourceFailure(error: unknown, subject: string): unknown {
  if (error instanceof ConnectError) return error
  const text = error instanceof Error ? error.message : String(error)
  // The interpreter begins in the same way.
  const beginning = `${subject} failed: `
  const reason = text.startsWith(beginning) ? text.slice(beginning.length) : text
  const known = error instanceof SourceError ? codes[error.failureType] : 'source_failed'
  const code = known === 'source_failed' && !mayPass(error) ? 'source_mismatch' : known
  return new ConnectError(code, { details: { subject, reason }, cause: error })
}
