import type { RunProgress, RunResult, StreamProgress } from '../../engine/run-types.ts'
import type { CommandFailure } from '../output/command-failure.ts'

/** How a run ended: with a result of the engine, or with an error before or around it. */
export type RunEnd =
  | { readonly kind: 'result'; readonly result: RunResult; readonly exitCode: number }
  | CommandFailure
  /** Stopped during the check of the source, before the engine began. */
  | { readonly kind: 'stopped'; readonly exitCode: number }
  /** Stopped and abandoned: something that does not respond kept it from ending. */
  | {
      readonly kind: 'abandoned'
      readonly seconds: number
      readonly streams: readonly StreamProgress[]
      readonly exitCode: number
    }

/** Where a run reports to. */
export interface RunOutput {
  /** A sentence that stays: what happens, a note, a warning. */
  note(text: string): void
  progress(progress: RunProgress): void
  /** Last call. */
  end(end: RunEnd): void
}
