import { ConnectError } from '../../protocol/index.ts'
import type { RecordOutput } from '../connector.ts'
import type { Origin } from './origin.ts'
import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'

/** What every way of reading a slice works with. */
export interface SliceRead {
  readonly session: SourceSession
  readonly source: StreamSource
  /** Which table it is. */
  readonly origin: Origin
  readonly out: RecordOutput
  readonly signal: AbortSignal
  /** A state comes after about this many rows. */
  readonly stateRows: number
}

/** A stop if no exact state exists: what was given out since the last state is discarded with this error. */
export function interrupted({ source }: SliceRead, reason: string): ConnectError {
  return new ConnectError('source_read_interrupted', { details: { stream: source.name, reason } })
}
