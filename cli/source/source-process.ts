import process from 'node:process'
import {
  allowedNetworksOf,
  allowsProcesses,
  catalogFolderOf,
  readEnvironment,
} from '../../plan/environment.ts'
import { writeOutput } from '../output/write-output.ts'
import { StopSignals } from '../run/stop-signals.ts'
import { parseAlone } from '../parse-command.ts'
import { sourceCommand } from './source-program.ts'
import type { SourceArguments } from './source-arguments.ts'

/**
 * `reactor connect source …` alone: platforms start it for each thing that they ask, and the other commands
 * would double the time that takes. Throws what `runProgram` throws.
 */
export async function runSourceCommandLine(argv: readonly string[]): Promise<void> {
  // Without a listener, `--help | head` would end with a stack trace.
  process.stdout.on('error', () => undefined)
  await parseAlone(argv, (connect) => sourceCommand(connect, runSourceProcess))
}

/** Runs a command of a source in this process and sets its exit code. */
export async function runSourceProcess(options: SourceArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  process.stdout.on('error', () => {
    stop.stop()
  })
  // Loaded when it is needed: help and a wrong command line respond at once.
  const { runSource } = await import('./source-command.ts')
  process.exitCode = await runSource(options, {
    write: writeOutput,
    signal: stop.signal,
    allowedNetworks: allowedNetworksOf(readEnvironment()),
    catalogFolder: catalogFolderOf(readEnvironment()),
    allowsProcesses: allowsProcesses(readEnvironment()),
    now: Date.now,
  })
}
