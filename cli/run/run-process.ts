import process from 'node:process'
import { readEnvironment } from '../../plan/environment.ts'
import { paintFor } from '../output/paint.ts'
import {
  isAccepted,
  listenForOutputErrors,
  mask,
  runScreen,
  stdoutProblem,
  writeJson,
} from '../output/process-output.ts'
import { parseAlone } from '../parse-command.ts'
import { stopLimitMs } from '../stop-limit.ts'
import { LastProgress } from './last-progress.ts'
import type { FileRun } from './run-command.ts'
import { runCommand, type RunArguments } from './run-program.ts'
import type { RunEnd, RunOutput } from './run-output.ts'
import type { StopSignals } from './stop-signals.ts'

/**
 * `reactor connect run …` alone: schedulers start it for each run, and the other commands would add 30 ms (2
 * cores, 2026-11-29). Throws what `runProgram` throws.
 * @param stop has listened since the process began
 */
export async function runRunCommandLine(argv: readonly string[], stop: StopSignals): Promise<void> {
  listenForOutputErrors()
  await parseAlone(argv, (connect) => runCommand(connect, (options) => runInProcess(options, stop)))
}

/** Runs the connection of the file in this process and sets its exit code. */
export async function runInProcess(options: RunArguments, stop: StopSignals): Promise<void> {
  const output = new LastProgress(await outputFor(options))
  let limit: NodeJS.Timeout | undefined
  const onStop = (): void => {
    output.note('stopping at the next checkpoint; press Ctrl-C again to end at once')
    limit = setTimeout(() => {
      finish(output, output.endAsAbandoned())
    }, stopLimitMs)
  }
  stop.signal.addEventListener('abort', onStop, { once: true })
  if (stop.signal.aborted) onStop()
  // The reader of the events has closed the pipe (`| head`), or the disk is full: the same as Ctrl-C.
  process.stdout.once('error', (error: Error) => {
    output.note(stdoutProblem(error))
    stop.stop()
  })
  const { end, run: ended } = await runFile(options, { output, signal: stop.signal })
  await using run = ended
  clearTimeout(limit)
  stop.signal.removeEventListener('abort', onStop)
  finish(output, end)
  if (run === undefined) return
  // If nobody received it, the next run reports it again.
  if (!(await isAccepted(options.json ? process.stdout : process.stderr))) return
  await run.confirmReported()
}

/** The end of a run that could not even begin. */
export async function endRun(end: RunEnd, options: { readonly json: boolean }): Promise<void> {
  finish(await outputFor(options), end)
}

async function runFile(
  options: RunArguments,
  context: { readonly output: RunOutput; readonly signal: AbortSignal },
): Promise<FileRun> {
  try {
    // Connectors and engine are loaded when they are needed: help and a wrong file respond at once.
    const { loadRunFile } = await import('../../plan/run-file/load-run-file.ts')
    const file = await loadRunFile(options.file, readEnvironment())
    mask.add(file.secrets)
    const { createLogger } = await import('./log-lines.ts')
    const logger = createLogger({
      level: options.logLevel,
      writeLine: (text) => {
        runScreen.line(mask.text(text))
      },
    })
    const { openRunThreads } = await import('../../plan/run/run-threads.ts')
    await using threads = openRunThreads(file, { log: options.log, logger })
    // The largest part, which this thread loads while the others load theirs.
    const { runFileCommand } = await import('./run-command.ts')
    return await runFileCommand(file, options, { ...context, logger, mask, threads, now: Date.now })
  } catch (error) {
    const { commandFailure } = await import('../output/command-failure.ts')
    return { end: commandFailure(error) }
  }
}

async function outputFor({ json }: { readonly json: boolean }): Promise<RunOutput> {
  const { HumanOutput } = await import('./human-output.ts')
  const { JsonOutput } = await import('./json-output.ts')
  const { MaskedOutput } = await import('./masked-output.ts')
  const human = new HumanOutput(runScreen, paintFor(process.stderr))
  return new MaskedOutput(json ? new JsonOutput(writeJson, human) : human, mask)
}

function finish(output: RunOutput, end: RunEnd): void {
  output.end(end)
  process.exitCode = end.exitCode
  // Work that still has not responded must not block the command. The output has been written (pipes are
  // synchronous here).
  if (end.kind === 'stopped' || end.kind === 'abandoned') process.exit()
}
