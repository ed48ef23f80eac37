import type { RunResult } from '../engine/run-types.ts'

/** The exit codes of the command. docs/run-file.md and docs/cli.md list them; scripts rely on them. */
export const exitCodes = {
  complete: 0,
  failed: 1,
  /** A wrong command line or run file: nothing was started. */
  usage: 2,
  partial: 3,
  /** A sandbox with `--exit-code`: a run would change something. */
  changes: 2,
  /** Stopped by the first Ctrl-C, or cancelled in the service, at a checkpoint: the next run goes on. */
  stopped: 4,
  /** A comparison has found rows that differ. */
  different: 5,
  /**
   * Ended at once by the second Ctrl-C (by the first if only the service was asked), as shells report SIGINT.
   */
  killed: 130,
} as const

export function exitCodeOf(status: RunResult['status']): number {
  return exitCodes[status]
}
