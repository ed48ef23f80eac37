import type { Paint } from './paint.ts'
import type { Screen } from './screen.ts'
import { jsonText } from './json-text.ts'

/** The outputs of a command that uses the service. */
export interface CommandOutput {
  /** `--json`: the response of the service, for programs. */
  readonly json: boolean
  /** The width of the terminal that results go to; undefined: not a terminal. */
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

/** Shows the response of the service as it is with `--json`, otherwise in a form for people. */
export async function showResult(
  output: CommandOutput,
  json: unknown,
  text: () => string,
): Promise<void> {
  await output.write(output.json ? jsonText(json) : text())
}
