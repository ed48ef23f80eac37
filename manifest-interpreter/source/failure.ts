import { SourceError } from '../contracts.ts'
import type { SourceFailure } from './messages.ts'

/** An error of a stream as a message. What is no SourceError is a fault of the manifest, the API or ours: a system_error. */
export function failureOf(error: unknown, stream: string): SourceFailure {
  if (error instanceof SourceError)
    return {
      kind: 'failure',
      stream: error.stream ?? stream,
      failureType: error.failureType,
      message: error.message,
      internalMessage: error.internalMessage,
    }
  const kind = error instanceof Error ? error.name : typeof error
  return {
    kind: 'failure',
    stream,
    failureType: 'system_error',
    message: `An unexpected error occurred in stream ${stream}: ${kind}`,
    internalMessage: error instanceof Error ? error.message : String(error),
  }
}
