import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { mayPass, SourceError } from '../source-error.ts'
import type { SourceFailure } from './messages.ts'

/**
 * Converts an error of a stream to a message. An error that is no SourceError or ConnectError is a fault of
 * the manifest, the API or ours: a system_error.
 */
export function failureOf(error: unknown, stream: string): SourceFailure {
  if (error instanceof SourceError)
    return {
      kind: 'failure',
      stream: error.stream ?? stream,
      failureType: error.failureType,
      mayPass: error.mayPass,
      isUnreadableAnswer: error.isUnreadableAnswer,
      message: error.message,
      internalMessage: error.internalMessage,
    }
  if (error instanceof ConnectError)
    return {
      kind: 'failure',
      stream,
      failureType: error.failureType,
      mayPass: error.retryable,
      isUnreadableAnswer: false,
      message: error.message,
      internalMessage: undefined,
      error,
    }
  const reason = reasonOf(error)
  return {
    kind: 'failure',
    stream,
    failureType: 'system_error',
    mayPass: mayPass(error),
    isUnreadableAnswer: false,
    message: stream === '' ? reason : `Stream ${stream} failed: ${reason}`,
    internalMessage: reason,
  }
}

/** For a user: without the classes of errors, which say nothing to one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof RangeError && error.message.includes('call stack'))
    return 'A value of the response or of the configuration is nested too deeply.'
  return error.message === '' ? error.name : error.message
}
