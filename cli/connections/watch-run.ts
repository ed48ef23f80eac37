import { apiPath } from '../client/api-path.ts'
import { followRun, type RunLine, type RunNews, type RunState } from '../client/follow-run.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { HumanOutput } from '../run/human-output.ts'
import { resumeNoteAfter } from '../run/resume-note.ts'
import { changeTable } from './change-table.ts'
import { runLogLine } from './run-log-line.ts'
import type { RunPlace } from './run-place.ts'
import { progressOf, resultOf } from './run-progress.ts'

export interface Watching extends RunPlace {
  /** Show the lines of its log too. */
  readonly withLog: boolean
}

/** Shows a run until it has ended. The exit code says how it ended. */
export async function watchRun(context: CommandContext, watching: Watching): Promise<number> {
  const { client, output, signal } = context
  const { name, run } = watching
  const human = new HumanOutput(output.screen, output.paint)
  const path = apiPath('connections', name, 'runs', run, 'logs')
  let last: RunState | undefined
  try {
    for await (const news of followRun(client, { path, after: 0, signal })) {
      if (news.type === 'run') last = news.run
      await showNews(context, news, { human, withLog: watching.withLog })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    output.screen.live([])
    output.screen.line(
      `the run continues in the service: \`reactor connect connections runs cancel ${name} ${run}\` ends it`,
    )
    return exitCodes.killed
  }
  return last === undefined ? exitCodes.failed : showEnd(context, last, human)
}

async function showNews(
  { output }: CommandContext,
  news: RunNews,
  { human, withLog }: { readonly human: HumanOutput; readonly withLog: boolean },
): Promise<void> {
  if (news.type === 'run') {
    if (output.json) await output.write(`${JSON.stringify({ type: 'run', run: news.json })}\n`)
    else human.progress(progressOf(news.run))
  } else if (output.json) {
    if (withLog) await output.write(`${JSON.stringify({ type: 'log', line: news.json })}\n`)
  } else if (withLog || isFailure(news.line)) output.screen.line(runLogLine(news.line))
}

/**
 * Something failed and is tried again: otherwise the run would seem to stand still for no reason, while
 * brokers are down for instance.
 */
function isFailure({ level, fields }: RunLine): boolean {
  return level === 'warn' && typeof fields.code === 'string'
}

async function showEnd(
  { output }: CommandContext,
  run: RunState,
  human: HumanOutput,
): Promise<number> {
  const exitCode = exitCodeOf(run.status)
  if (output.json)
    await output.write(`${JSON.stringify({ type: 'result', exit_code: exitCode, run })}\n`)
  human.result(resultOf(run), adviceFor(run))
  if (!output.json && run.schema_changes.length > 0) showChanges(output, run.schema_changes)
  return exitCode
}

/** A run that is blocked has them in its error, and this says of which columns they are. */
function showChanges(
  { screen }: CommandContext['output'],
  changes: RunState['schema_changes'],
): void {
  screen.line('the source was not as approved:')
  for (const line of changeTable(changes, undefined).trimEnd().split('\n')) screen.line(`  ${line}`)
}

function exitCodeOf(status: RunState['status']): number {
  switch (status) {
    case 'complete':
    case 'partial':
    case 'failed':
      return exitCodes[status]
    case 'cancelled':
      return exitCodes.stopped
    case 'queued':
    case 'running':
      return exitCodes.failed
  }
}

function adviceFor({ status, connection, id, error, streams }: RunState): string {
  if (status === 'complete') return ''
  if (error?.code === 'schema_drift_blocked')
    return `. A retry is blocked too, until the change is approved: \`reactor connect connections sandbox ${connection}\` shows what it would do.`
  if (status === 'partial' && streams.every((stream) => stream.status === 'complete'))
    return '. Not every record was loaded: see the warnings.'
  const retry = `\`reactor connect connections runs retry ${connection} ${id}\``
  const errors = [error, ...streams.map((stream) => stream.error)].filter((some) => some != null)
  return `. ${retry} reads what is not complete: ${resumeNoteAfter(errors)}.`
}
