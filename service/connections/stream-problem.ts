import type { ErrorCodeName } from '../../protocol/index.ts'

/** A stream setting that is not possible. */
export interface StreamSelectionProblem {
  readonly code: Extract<ErrorCodeName, `stream_${string}`>
  /** Path of the setting: `['streams', 1, 'cursor_field']`. */
  readonly path: readonly (string | number)[]
  readonly at: 'value'
  readonly problem: string
  /** The next step, as an imperative sentence. */
  readonly fix: string
}
