import type { ConnectError } from '../../protocol/errors/connect-error.ts'
import type { FailureType, SideMessage } from '../contracts.ts'
import type { Dict } from '../value/value.ts'

/** The messages that a read emits, in order, besides records. */
export type SourceMessage =
  | SideMessage
  | { readonly kind: 'state'; readonly stream: string; readonly state: Dict }
  | { readonly kind: 'status'; readonly stream: string; readonly status: StreamStatus }
  | SourceFailure

export type StreamStatus = 'STARTED' | 'RUNNING' | 'COMPLETE' | 'INCOMPLETE'

/** A stream failed, wholly or in a slice. */
export interface SourceFailure {
  readonly kind: 'failure'
  readonly stream: string
  readonly failureType: FailureType
  /** See SourceError. */
  readonly mayPass: boolean
  /** See SourceError. */
  readonly isUnreadableAnswer: boolean
  /** For a user. */
  readonly message: string
  /** For the logs. */
  readonly internalMessage: string | undefined
  /** The failure with its error code, if it has one of its own. */
  readonly error?: ConnectError
}

/**
 * Where a read gives what it reads. `records` is the back-pressure: it resolves when there is room for more.
 */
export interface SourceOutput {
  records(stream: string, records: readonly Dict[]): Promise<void>
  /** Everything that was given before is covered by a state. */
  message(message: SourceMessage): Promise<void>
}
