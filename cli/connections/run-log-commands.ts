import { logPageDocument } from '../../service/runs/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { followRun, type RunLine } from '../client/follow-run.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { HumanOutput } from '../run/human-output.ts'
import { runLogLine } from './run-log-line.ts'
import type { RunPlace } from './run-place.ts'
import { progressOf } from './run-progress.ts'

/** The maximum of one response. */
const pageSize = 1_000

export interface LogPlace extends RunPlace {
  /** Lines after this `seq`. */
  readonly after: number
}

/** The lines so far, one per line; with `--json` one object per line. */
export async function showLogs(
  context: CommandContext,
  { name, run, after }: LogPlace,
): Promise<number> {
  const { client, output } = context
  const path = apiPath('connections', name, 'runs', run, 'logs')
  for (let seen = after; ;) {
    const { document } = await client.ask(
      { method: 'GET', path, query: { after: seen, limit: pageSize } },
      logPageDocument,
    )
    const { items, next_after: next } = document
    await output.write(items.map((line) => lineText(line, output.json)).join(''))
    if (items.length < pageSize) return exitCodes.complete
    seen = next
  }
}

/**
 * The same, and the lines that are written until the run has ended; on a terminal with the progress below.
 */
export async function followLogs(
  context: CommandContext,
  { name, run, after }: LogPlace,
): Promise<number> {
  const { client, output, signal } = context
  const { screen } = output
  const path = apiPath('connections', name, 'runs', run, 'logs')
  const human = new HumanOutput(screen, output.paint)
  // Lines and progress share a terminal: they are written in the same place, one above the other.
  const shares = screen.isTerminal && output.columns !== undefined && !output.json
  try {
    for await (const news of followRun(client, { path, after, signal })) {
      if (news.type === 'run' && screen.isTerminal) human.progress(progressOf(news.run))
      if (news.type !== 'log') continue
      if (shares) screen.line(runLogLine(news.line))
      else await output.write(lineText(news.line, output.json))
    }
    return exitCodes.complete
  } catch (error) {
    if (signal.aborted) return exitCodes.killed
    throw error
  } finally {
    screen.live([])
  }
}

function lineText(line: RunLine, json: boolean): string {
  return json ? `${JSON.stringify(line)}\n` : `${runLogLine(line)}\n`
}
