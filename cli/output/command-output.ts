import type { Paint } from './paint.ts'
import type { Screen } from './screen.ts'

/** Where a command that asks the service writes to. */
export interface CommandOutput {
  /** `--json`: what the service answered, for programs. */
  readonly json: boolean
  /** The width of the terminal that results go to; undefined: it is none. */
  readonly columns: number | undefined
  /** Colours on standard error. */
  readonly paint: Paint
  /** Colours on standard output. */
  readonly outPaint: Paint
  /** Standard error: notes, progress. */
  readonly screen: Screen
  /** Standard output; resolves when there is room for more. */
  write(text: string): Promise<void>
}

/** The answer of the service as it is with `--json`, else as people read it. */
export async function showResult(
  output: CommandOutput,
  json: unknown,
  text: () => string,
): Promise<void> {
  await output.write(output.json ? `${JSON.stringify(json, null, 2)}\n` : text())
}
