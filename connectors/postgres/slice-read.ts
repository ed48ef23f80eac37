import { ConnectError } from '../../protocol/index.ts'
import type { RecordOutput } from '../connector.ts'
import type { HashedFields } from './hashed-fields.ts'
import type { Origin } from './origin.ts'
import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'

/** The common parts of all ways to read a slice. */
export interface SliceRead {
  readonly session: SourceSession
  readonly source: StreamSource
  /** Which table it is. */
  readonly origin: Origin
  readonly out: RecordOutput
  readonly signal: AbortSignal
  /** Hides what the server did not; absent if there is nothing. */
  readonly hashes: HashedFields | undefined
  /** A state comes after about this many rows. */
  readonly stateRows: number
}

/** A stop at a point without an exact state: records since the last state are discarded with this error. */
export function interrupted({ source }: SliceRead, reason: string): ConnectError {
  return new ConnectError('source_read_interrupted', { details: { stream: source.name, reason } })
}
