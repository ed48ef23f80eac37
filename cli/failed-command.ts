import process from 'node:process'
import { errorCodeOf } from '../lib/files/error-code.ts'
import { exitCodes } from './exit-codes.ts'
import { commandOutput, stdoutFailure, stdoutProblem } from './output/process-output.ts'

/** Shows why a command line failed before its command could run, and sets the exit code. */
export async function showFailedCommand(argv: readonly string[], error: unknown): Promise<void> {
  // The reader has closed the pipe: `| head`.
  if (errorCodeOf(error) === 'EPIPE') {
    process.exitCode = exitCodes.killed
    return
  }
  const unwritten = stdoutFailure()
  if (error !== undefined && error === unwritten) {
    process.stderr.write(`error: ${stdoutProblem(unwritten)}\n`)
    process.exitCode = exitCodes.failed
    return
  }
  const json = argv.includes('--json')
  if (argv[1] === 'run') {
    const { commandFailure } = await import('./output/command-failure.ts')
    const { endRun } = await import('./run/run-process.ts')
    await endRun(commandFailure(error), { json })
    return
  }
  const { showFailure } = await import('./output/show-failure.ts')
  process.exitCode = await showFailure({ ...commandOutput({}), json }, error)
}
