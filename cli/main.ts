#!/usr/bin/env node
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { enableCompileCache, findPackageJSON } from 'node:module'
import process from 'node:process'
import { z } from 'zod'
import {
  allowedNetworksOf,
  catalogFolderOf,
  readEnvironment,
} from '../service/config/environment.ts'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import { askService } from './client/ask-service.ts'
import type { Around, CommonFlags } from './client/service-command.ts'
import type { DoctorFlags } from './doctor/doctor-command.ts'
import { userInput } from './input/user-input.ts'
import type { CommandOutput } from './output/command-output.ts'
import type { ServeArguments } from './serve/serve-program.ts'
import type { SourceArguments } from './source/source-command.ts'
import { runProgram, type RunArguments } from './program.ts'
import { HumanOutput } from './run/human-output.ts'
import { JsonOutput } from './run/json-output.ts'
import { createLogger } from './run/log-lines.ts'
import { paintFor } from './run/paint.ts'
import { errorEnd } from './run/error-end.ts'
import type { RunEnd, RunOutput } from './run/run-output.ts'
import { Screen } from './run/screen.ts'
import { scrubber } from '../service/instances/scrubber.ts'
import { StopSignals } from './run/stop-signals.ts'

/** Set as soon as the secrets are known: everything that is written goes through it. */
let scrub = (text: string): string => text

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
  write: (text) => process.stderr.write(scrub(text)),
})
const writeJson = (line: string): void => {
  process.stdout.write(`${scrub(line)}\n`)
}

// What is imported from here on, in all threads, starts faster the next time.
enableCompileCache()
await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<void> {
  const writeOut = (text: string): void => {
    process.stdout.write(text)
  }
  try {
    const version = packageVersion()
    const commands = { run, source, catalog, serve, askService: service, doctor }
    await runProgram(argv, { version, ...commands, writeOut })
  } catch (error) {
    finish(outputFor({ json: argv.includes('--json') }), errorEnd(error))
  }
}

async function run(options: RunArguments): Promise<void> {
  const output = outputFor(options)
  using stop = new StopSignals(process, () => {
    output.note('stopping at the next checkpoint; press Ctrl-C again to end at once')
  })
  // Nobody reads the events any more (`| head`): as Ctrl-C.
  process.stdout.on('error', () => {
    stop.stop()
  })
  finish(output, await runFile(options, { output, signal: stop.signal }))
}

async function source(options: SourceArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  process.stdout.on('error', () => {
    stop.stop()
  })
  // Loaded when it is needed: see runFile.
  const { runSource } = await import('./source/source-command.ts')
  process.exitCode = await runSource(options, {
    write: writeWithRoom,
    signal: stop.signal,
    allowedNetworks: allowedNetworksOf(readEnvironment()),
    catalogFolder: catalogFolderOf(readEnvironment()),
    now: Date.now,
  })
}

async function catalog(options: CatalogArguments): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  const { runCatalog } = await import('./catalog/catalog-command.ts')
  process.exitCode = await runCatalog(options, {
    write: writeWithRoom,
    signal: stop.signal,
    allowedNetworks: allowedNetworksOf(readEnvironment()),
    catalogFolder: catalogFolderOf(readEnvironment()),
  })
}

async function serve(options: ServeArguments): Promise<void> {
  using stop = new StopSignals(process, () => {
    process.stderr.write(
      'stopping: runs drain to their last checkpoint; Ctrl-C again ends it at once\n',
    )
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
  work: (around: Around) => Promise<number>,
): Promise<void> {
  using stop = new StopSignals(process, () => undefined)
  process.stdout.on('error', () => {
    stop.stop()
  })
  process.exitCode = await askService(flags, work, {
    output: commandOutput(flags),
    input: userInput(process),
    environment: readEnvironment(),
    signal: stop.signal,
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

function commandOutput({ json }: { readonly json?: true }): CommandOutput {
  return {
    json: json === true,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    paint: paintFor(process.stderr),
    screen,
    write: writeWithRoom,
  }
}

/** Resolves when the pipe has room for more: a reader that is slow slows the source down. */
async function writeWithRoom(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

async function runFile(
  options: RunArguments,
  around: { readonly output: RunOutput; readonly signal: AbortSignal },
): Promise<RunEnd> {
  try {
    // Connectors and engine are loaded when they are needed: help and a wrong file answer at once.
    const { loadRunFile } = await import('./run-file/load-run-file.ts')
    const file = await loadRunFile(options.file, readEnvironment())
    scrub = scrubber(file.secrets)
    const { runLoadedFile } = await import('./run/run-command.ts')
    const logger = createLogger({
      level: options.logLevel,
      writeLine: (text) => {
        screen.line(text)
      },
    })
    return await runLoadedFile(file, options, { ...around, logger, now: Date.now })
  } catch (error) {
    return errorEnd(error)
  }
}

function outputFor({ json }: { readonly json: boolean }): RunOutput {
  const human = new HumanOutput(screen, paintFor(process.stderr))
  return json ? new JsonOutput(writeJson, human) : human
}

function finish(output: RunOutput, end: RunEnd): void {
  output.end(end)
  process.exitCode = end.exitCode
  // A source that still has not answered must not hold the command; what was written is out (pipes are synchronous here).
  if (end.kind === 'stopped') process.exit()
}

function packageVersion(): string {
  const path = findPackageJSON('.', import.meta.url)
  if (path === undefined) return 'unknown'
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8'))).version
}
