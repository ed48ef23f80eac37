import type { ErrorCodeName } from '../../protocol/index.ts'

/** Something that was said of a stream and is not possible. */
export interface StreamSelectionProblem {
  readonly code: Extract<ErrorCodeName, `stream_${string}`>
  /** Where it was said: `['streams', 1, 'cursor_field']`. */
  readonly path: readonly (string | number)[]
  readonly at: 'value'
  readonly problem: string
  /** What to do, as an imperative sentence. */
  readonly fix: string
}
