import process from 'node:process'
import {
  airbyteRegistryOf,
  allowedNetworksOf,
  catalogFolderOf,
  readEnvironment,
} from '../service/platform/config/environment.ts'
import type { LogoutFlags } from './auth/logout-command.ts'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import type { CommandContext, AskAs, CommonFlags } from './client/service-command.ts'
import { exitCodes } from './exit-codes.ts'
import type { DoctorFlags } from './doctor/doctor-command.ts'
import { userInput } from './input/user-input.ts'
import type { CommandOutput } from './output/command-output.ts'
import type { ServeArguments } from './serve/serve-program.ts'
import { writeOutput } from './output/write-output.ts'
import type { SourceArguments } from './source/source-command.ts'
import { runProgram, type RunArguments } from './program.ts'
import { LastProgress } from './run/last-progress.ts'
import { paintFor } from './output/paint.ts'
import type { FileRun } from './run/run-command.ts'
import type { RunEnd, RunOutput } from './run/run-output.ts'
import { Screen } from './output/screen.ts'
import { Mask } from '../service/platform/secrets/mask.ts'
import type { TopicsArguments } from './topics/topics-command.ts'
import type { RotateKeyFlags } from './vault/vault-program.ts'
import { StopSignals } from './run/stop-signals.ts'
import { packageVersion } from '../lib/files/package-version.ts'
import { errorCodeOf } from '../lib/files/error-code.ts'

/** Gets the secrets as soon as they are known: all output goes through it. */
const mask = new Mask()

const screen = new Screen({
  get isTTY() {
    return process.stderr.isTTY
  },
  get columns() {
    return process.stderr.columns
  },
  get rows() {
    return process.stderr.rows
  },
  write: (text) => {
    writeNoted(process.stderr, mask.text(text))
  },
})
const writeJson = (line: string): void => {
  writeNoted(process.stdout, `${mask.text(line)}\n`)
}

/** Whether what was written last to the stream was accepted: by the pipe, the file or the terminal. Its reader may close it right after that. */
const accepted = new Map<NodeJS.WriteStream, Promise<boolean>>()

function writeNoted(stream: NodeJS.WriteStream, text: string): void {
  const written = new Promise<boolean>((resolve) => {
    stream.write(text, (error) => {
      resolve(error == null)
    })
  })
  accepted.set(stream, written)
}

let stdoutError: Error | undefined

function stdoutProblem(error: Error): string {
  const reason = errorCodeOf(error) === 'EPIPE' ? 'nobody reads it (EPIPE)' : error.message
  return `stdout cannot be written: ${reason}`
}

/**
 * Runs a command line to its end and sets the exit code.
 * @param stop of a run: has listened since the process began
 */
export async function runCommandLine(argv: readonly string[], stop?: StopSignals): Promise<void> {
  const writeOut = (text: string): void => {
    process.stdout.write(text)
  }
  // Without a listener, an error would end the process with a stack trace; the failed write reports it too.
  process.stdout.on('error', (error) => {
    stdoutError ??= error
  })
  // A closed terminal must not end a process that is shutting down.
  process.stderr.on('error', () => undefined)
  try {
    const version = packageVersion()
    const commands = {
      run: (options: RunArguments) =>
        run(options, stop ?? new StopSignals(process, () => undefined)),
      source,
      catalog,
      serve,
      askService: service,
      demo,
      topics,
      doctor,
      logout,
      rotateKey,
    }
    await runProgram(argv, { version, ...commands, writeOut })
  } catch (error) {
    await showFailedCommand(argv, error)
  }
}

/** Shows why a command line failed before its command could run, and sets the exit code. */
export async function showFailedCommand(argv: readonly string[], error: unknown): Promise<void> {
  // The reader has closed the pipe: `| head`.
  if (errorCodeOf(error) === 'EPIPE') {
    process.exitCode = exitCodes.killed
    return
  }
  if (error !== undefined && error === stdoutError) {
    process.stderr.write(`error: ${stdoutProblem(stdoutError)}\n`)
    process.exitCode = exitCodes.failed
    return
  }
  const json = argv.includes('--json')
  if (argv[1] === 'run') {
    const { commandFailure } = await import('./output/command-failure.ts')
    finish(await outputFor({ json }), commandFailure(error))
    return
  }
  const { showFailure } = await import('./output/show-failure.ts')
  process.exitCode = await showFailure({ ...commandOutput({}), json }, error)
}

async function run(options: RunArguments, stop: StopSignals): Promise<void> {
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
  // If nobody got it, the next run tells it again.
  if ((await accepted.get(options.json ? process.stdout : process.stderr)) !== true) return
  await run.confirmTold()
}

async function source(options: SourceArguments): Promise<void> {
  const { runSourceProcess } = await import('./source/source-process.ts')
  await runSourceProcess(options)
}

async function catalog(options: CatalogArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runCatalog } = await import('./catalog/catalog-command.ts')
  process.exitCode = await runCatalog(options, {
    write: writeOutput,
    signal: stop.signal,
    allowedNetworks: allowedNetworksOf(readEnvironment()),
    registryUrl: airbyteRegistryOf(readEnvironment()),
    catalogFolder: catalogFolderOf(readEnvironment()),
    environment: readEnvironment(),
  })
}

/**
 * A worker that hangs is ended after 30 s, and so is a call of the destination. Anything else that does not respond (a broker) must not
 * keep the process running.
 */
const stopLimitMs = 42_000

/** Like a kill: nothing is lost, and another process, or the next start, continues the runs. */
function giveUpStopping(): void {
  const seconds = String(stopLimitMs / 1_000)
  process.stderr.write(
    `stopped after ${seconds} s before everything had ended; active runs continue at the next start\n`,
  )
  process.exit(exitCodes.failed)
}

async function serve(options: ServeArguments): Promise<void> {
  using stop = new StopSignals(process, () => {
    setTimeout(giveUpStopping, stopLimitMs).unref()
  })
  const { runServe } = await import('./serve/serve-command.ts')
  process.exitCode = await runServe(options, {
    environment: readEnvironment(),
    version: packageVersion(),
    signal: stop.signal,
    writeOut: (text) => process.stdout.write(text),
    writeLog: (line) => process.stderr.write(line),
    now: Date.now,
  })
}

async function service(
  flags: CommonFlags,
  work: (context: CommandContext) => Promise<number>,
  as?: AskAs,
): Promise<void> {
  using stop = new StopSignals(process, () => {
    // The command may be waiting for it.
    process.stdin.destroy()
  })
  process.stdout.on('error', () => {
    stop.stop()
  })
  const { askService } = await import('./client/ask-service.ts')
  process.exitCode = await askService(flags, work, {
    output: commandOutput(flags),
    input: userInput(process),
    environment: readEnvironment(),
    signal: stop.signal,
    as,
  })
}

async function demo(): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { demo: runDemo } = await import('./demo/demo-command.ts')
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  process.exitCode = await runDemo(say, stop.signal)
}

async function topics(options: TopicsArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  // `| head`
  process.stdout.on('error', () => {
    stop.stop()
  })
  const { runTopics } = await import('./topics/topics-command.ts')
  process.exitCode = await runTopics(options, {
    output: commandOutput(options.command === 'list' && options.json ? { json: true } : {}),
    environment: readEnvironment(),
    signal: stop.signal,
    addSecrets: (secrets) => {
      mask.add(secrets)
    },
  })
}

async function doctor(flags: DoctorFlags): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runDoctor } = await import('./doctor/doctor-command.ts')
  process.exitCode = await runDoctor(flags, {
    output: commandOutput(flags),
    environment: readEnvironment(),
    version: packageVersion(),
    signal: stop.signal,
  })
}

async function logout(flags: LogoutFlags): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { logout: forgetLogins } = await import('./auth/logout-command.ts')
  process.exitCode = await forgetLogins(flags, {
    output: commandOutput(flags),
    environment: readEnvironment(),
    signal: stop.signal,
  })
}

async function rotateKey(flags: RotateKeyFlags): Promise<void> {
  const { rotateKey: rotate } = await import('./vault/rotate-key-command.ts')
  const context = { output: commandOutput(flags), environment: readEnvironment() }
  process.exitCode = await rotate(flags, context)
}

function commandOutput({ json }: { readonly json?: true }): CommandOutput {
  return {
    json: json === true,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    paint: paintFor(process.stderr),
    outPaint: paintFor(process.stdout),
    screen,
    write: writeOutput,
  }
}

async function runFile(
  options: RunArguments,
  context: { readonly output: RunOutput; readonly signal: AbortSignal },
): Promise<FileRun> {
  try {
    // Connectors and engine are loaded when they are needed: help and a wrong file respond at once.
    const { loadRunFile } = await import('./run-file/load-run-file.ts')
    const file = await loadRunFile(options.file, readEnvironment())
    mask.add(file.secrets)
    const { createLogger } = await import('./run/log-lines.ts')
    const logger = createLogger({
      level: options.logLevel,
      writeLine: (text) => {
        screen.line(text)
      },
    })
    const { openRunThreads } = await import('./run/run-threads.ts')
    await using threads = openRunThreads(file, { log: options.log, logger })
    // The largest part, which this thread loads while the others load theirs.
    const { runLoadedFile } = await import('./run/run-command.ts')
    return await runLoadedFile(file, options, { ...context, logger, mask, threads, now: Date.now })
  } catch (error) {
    const { commandFailure } = await import('./output/command-failure.ts')
    return { end: commandFailure(error) }
  }
}

async function outputFor({ json }: { readonly json: boolean }): Promise<RunOutput> {
  const { HumanOutput } = await import('./run/human-output.ts')
  const { JsonOutput } = await import('./run/json-output.ts')
  const human = new HumanOutput(screen, paintFor(process.stderr))
  return json ? new JsonOutput(writeJson, human) : human
}

function finish(output: RunOutput, end: RunEnd): void {
  output.end(end)
  process.exitCode = end.exitCode
  // What still has not responded must not hold the command; what was written is out (pipes are synchronous here).
  if (end.kind === 'stopped' || end.kind === 'abandoned') process.exit()
}
