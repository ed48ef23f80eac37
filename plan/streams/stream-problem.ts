import type { ErrorCodeName, StreamId } from '../../protocol/index.ts'

/** A stream setting that is not possible. */
export interface StreamSelectionProblem {
  readonly code: Extract<ErrorCodeName, `stream_${string}`>
  /** Path of the setting: `['streams', 1, 'cursor_field']`. */
  readonly path: readonly (string | number)[]
  readonly at: 'value'
  /** The stream that cannot be read; absent if the selection as a whole is wrong. */
  readonly stream?: StreamId
  readonly problem: string
  /** The next step, as an imperative sentence. */
  readonly fix: string
}
