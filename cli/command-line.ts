import process from 'node:process'
import {
  airbyteRegistryOf,
  allowedNetworksOf,
  catalogFolderOf,
  readEnvironment,
} from '../plan/environment.ts'
import type { LogoutFlags } from './auth/logout-command.ts'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import type { CommandContext, AskAs, CommonFlags } from './client/service-command.ts'
import { exitCodes } from './exit-codes.ts'
import type { DestinationArguments } from './destination/destination-program.ts'
import type { DoctorFlags } from './doctor/doctor-command.ts'
import { userInput } from './input/user-input.ts'
import type { ServeArguments } from './serve/serve-program.ts'
import { writeOutput } from './output/write-output.ts'
import type { SourceArguments } from './source/source-arguments.ts'
import { runProgram } from './program.ts'
import { commandOutput, listenForOutputErrors, mask } from './output/process-output.ts'
import type { CompareArguments } from './compare/compare-program.ts'
import type { PairArguments } from './pair/pair-arguments.ts'
import type { ResetArguments } from './run/reset-program.ts'
import type { RunArguments } from './run/run-program.ts'
import { stopLimitMs } from './stop-limit.ts'
import type { TopicsArguments } from './topics/topics-command.ts'
import type { RotateKeyFlags } from './vault/vault-program.ts'
import { StopSignals } from './run/stop-signals.ts'
import { packageVersion } from '../lib/files/package-version.ts'

/** Runs a command line to its end and sets the exit code. Throws what `runProgram` throws. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  listenForOutputErrors()
  const writeOut = (text: string): void => {
    process.stdout.write(text)
  }
  const version = packageVersion()
  const commands = {
    run: async (options: RunArguments) => {
      const { runInProcess } = await import('./run/run-process.ts')
      await runInProcess(options, new StopSignals(process, () => undefined))
    },
    reset,
    compare,
    pair,
    source,
    destination,
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
}

async function reset(options: ResetArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runReset } = await import('./run/reset-command.ts')
  const { createLogger } = await import('./run/log-lines.ts')
  const output = commandOutput(options.json ? { json: true } : {})
  process.exitCode = await runReset(options, {
    output,
    environment: readEnvironment(),
    logger: createLogger({
      level: 'info',
      writeLine: (text) => {
        output.screen.line(text)
      },
    }),
    signal: stop.signal,
    addSecrets: (secrets) => {
      mask.add(secrets)
    },
  })
}

async function compare(options: CompareArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runCompare } = await import('./compare/compare-command.ts')
  const { createLogger } = await import('./run/log-lines.ts')
  const output = commandOutput(options.json ? { json: true } : {})
  process.exitCode = await runCompare(options, {
    output,
    environment: readEnvironment(),
    logger: createLogger({
      level: 'warn',
      writeLine: (text) => {
        output.screen.line(text)
      },
    }),
    signal: stop.signal,
    mask,
  })
}

async function pair(options: PairArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runPairCommand } = await import('./pair/pair-command.ts')
  const { createLogger } = await import('./run/log-lines.ts')
  const output = commandOutput(options.json ? { json: true } : {})
  process.exitCode = await runPairCommand(options, {
    output,
    environment: readEnvironment(),
    logger: createLogger({
      level: 'warn',
      writeLine: (text) => {
        output.screen.line(text)
      },
    }),
    signal: stop.signal,
    mask,
  })
}

async function source(options: SourceArguments): Promise<void> {
  const { runSourceProcess } = await import('./source/source-process.ts')
  await runSourceProcess(options)
}

async function destination(options: DestinationArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runDestination } = await import('./destination/destination-command.ts')
  process.exitCode = await runDestination(options, {
    write: writeOutput,
    signal: stop.signal,
    now: Date.now,
  })
}

async function catalog(options: CatalogArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runCatalog } = await import('./catalog/catalog-command.ts')
  const { createLogger } = await import('./run/log-lines.ts')
  const output = commandOutput({})
  process.exitCode = await runCatalog(options, {
    write: writeOutput,
    signal: stop.signal,
    allowedNetworks: allowedNetworksOf(readEnvironment()),
    registryUrl: airbyteRegistryOf(readEnvironment()),
    catalogFolder: catalogFolderOf(readEnvironment()),
    environment: readEnvironment(),
    logger: createLogger({
      level: 'warn',
      writeLine: (text) => {
        output.screen.line(text)
      },
    }),
    note: (text) => {
      output.screen.line(text)
    },
  })
}

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
