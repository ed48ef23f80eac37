import { commandFailure } from './command-failure.ts'
import { errorLines } from './error-lines.ts'
import type { CommandOutput } from './command-output.ts'
import { errorJson } from './docs-path.ts'

/**
 * An error on standard error, and with `--json` as `{"error":…}` on standard output too. Resolves with the
 * exit code.
 */
export async function showFailure(output: CommandOutput, thrown: unknown): Promise<number> {
  const { error, exitCode } = commandFailure(thrown)
  output.screen.live([])
  output.screen.lines(errorLines(error, { paint: output.paint }))
  if (output.json) await output.write(`${JSON.stringify({ error: errorJson(error) }, null, 2)}\n`)
  return exitCode
}
