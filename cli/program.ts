import { Argument, Command, CommanderError, Option } from 'commander'
import { ConnectError } from '../protocol/index.ts'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import { catalogCommand } from './catalog/catalog-program.ts'
import { authCommand } from './auth/auth-program.ts'
import type { AskService } from './client/service-command.ts'
import { completionCommands } from './completion/completion-program.ts'
import { connectionsCommand } from './connections/connections-program.ts'
import type { DoctorFlags } from './doctor/doctor-command.ts'
import { doctorCommand } from './doctor/doctor-program.ts'
import { instancesCommand } from './instances/instances-program.ts'
import { keysCommand } from './keys/keys-program.ts'
import { portNumber } from './options.ts'
import { reservedCommands } from './reserved/reserved-program.ts'
import type { ServeArguments } from './serve/serve-program.ts'
import { serveCommand } from './serve/serve-program.ts'
import type { SourceArguments } from './source/source-command.ts'
import type { LogLevel } from './run/log-lines.ts'
import { logLevels } from './run/log-lines.ts'

/** `reactor connect run FILE …` as it was parsed. */
export interface RunArguments {
  readonly file: string
  readonly json: boolean
  readonly log: 'embedded' | 'kafka' | undefined
  readonly logLevel: LogLevel
  readonly metricsPort: number | undefined
}

export interface ProgramOptions {
  readonly version: string
  readonly run: (options: RunArguments) => Promise<void>
  readonly source: (options: SourceArguments) => Promise<void>
  readonly catalog: (options: CatalogArguments) => Promise<void>
  readonly serve: (options: ServeArguments) => Promise<void>
  readonly askService: AskService
  readonly doctor: (flags: DoctorFlags) => Promise<void>
  readonly writeOut: (text: string) => void
}

interface RunFlags {
  readonly json?: true
  readonly log?: 'embedded' | 'kafka'
  readonly logLevel: LogLevel
  readonly metricsPort?: number
}

const examples = `
Examples:
  $ reactor connect run shop.yaml
  $ reactor connect run shop.yaml --json > events.jsonl
  $ reactor connect run shop.yaml --log kafka --metrics-port 9464
  $ SOURCE_PASSWORD=… reactor connect run shop.toml --log-level debug

Exit codes:
  0 complete   1 failed   2 wrong run file or command line   3 partial
  4 stopped by Ctrl-C at a checkpoint (run again to go on)   130 ended by a second Ctrl-C

docs/run-file.md describes the run file.`

/** Parses a command line and runs its command. Throws `usage` for a wrong one; help and version resolve. */
export async function runProgram(argv: readonly string[], options: ProgramOptions): Promise<void> {
  try {
    await createProgram(options).parseAsync(argv, { from: 'user' })
  } catch (error) {
    // Help and version have been written.
    if (!(error instanceof CommanderError)) throw error
  }
}

/** All commands, as the command line, its completion and its documentation have them. */
export function createProgram(options: ProgramOptions): Command {
  const program = new Command('reactor')
    .description('Replicates streams of third-party systems into Postgres.')
    .version(options.version, '-V, --version', 'print the version')
    .addHelpText('after', '\nStart with: reactor connect --help')
  const connect = program
    .command('connect')
    .description('connectors, connections and runs')
    .addHelpText('after', connectHelp)
  runCommand(connect, options)
  sourceCommand(connect, options)
  catalogCommand(connect, options.catalog, options.askService)
  serveCommand(connect, options.serve)
  instancesCommand(connect, options.askService)
  connectionsCommand(connect, options.askService)
  keysCommand(connect, options.askService)
  reservedCommands(connect, options.askService)
  doctorCommand(connect, options.doctor)
  authCommand(program, options.askService)
  completionCommands(program, options.writeOut)
  for (const command of withSubcommands(program)) quiet(command, options.writeOut)
  return program
}

/** The command and all below it. */
export function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

const connectHelp = `
One connection, from a file, here and now:
  $ reactor connect run shop.yaml

Many, in a service that keeps them, runs them by schedule and shows what happens:
  $ reactor connect serve
  $ reactor connect instances create shop-db --type postgres --config shop.json
  $ reactor connect connections create shop --from shop-db --dest data:shop
  $ reactor connect connections runs start shop --wait

docs/cli.md describes all commands.`

function runCommand(connect: Command, options: ProgramOptions): void {
  connect
    .command('run')
    .description('run the connection of a run file once, from its last checkpoint to the end')
    .argument('<FILE>', 'run file: .yaml, .yml or .toml')
    .option('--json', 'one JSON object a line on stdout: progress, and the result last')
    .addOption(
      new Option(
        '--log <KIND>',
        'transport between readers and sinks; goes before the file',
      ).choices(['embedded', 'kafka']),
    )
    .addOption(
      new Option('--log-level <LEVEL>', 'what is logged on stderr')
        .choices(logLevels)
        .default('info'),
    )
    .option(
      '--metrics-port <N>',
      'serve Prometheus metrics on 127.0.0.1 during the run (0: a free port)',
      portNumber,
    )
    .addHelpText('after', examples)
    .action(async (file: string, flags: RunFlags) => {
      const { log, logLevel, metricsPort } = flags
      await options.run({ file, json: flags.json === true, log, logLevel, metricsPort })
    })
}

interface SourceFlags {
  readonly manifest?: string
  readonly type?: string
  readonly config?: string
  readonly catalog?: string
  readonly state?: string
  readonly logLevel: LogLevel
}

function sourceCommand(connect: Command, options: ProgramOptions): void {
  connect
    .command('source')
    .description('a manifest as an Airbyte source on the command line: messages on stdout')
    .addArgument(
      new Argument('<COMMAND>', 'what the source does').choices([
        'spec',
        'check',
        'discover',
        'read',
      ]),
    )
    .option('--manifest <FILE>', 'the Low-Code manifest (YAML)')
    .option('--type <NAME>', 'or one of the catalog: `reactor connect catalog list`')
    .option('--config <FILE>', 'the configuration (JSON): for check, discover and read')
    .option('--catalog <FILE>', 'the configured catalog (JSON): for read')
    .option('--state <FILE>', 'the states of an earlier read (JSON)')
    .addOption(
      new Option('--log-level <LEVEL>', 'which LOG messages are written')
        .choices(logLevels)
        .default('warn'),
    )
    .addHelpText('after', sourceExamples)
    .action(async (command: SourceArguments['command'], flags: SourceFlags) => {
      const { manifest, type, config, catalog, state, logLevel } = flags
      await options.source({ command, manifest, type, config, catalog, state, logLevel })
    })
}

const sourceExamples = `
Examples:
  $ reactor connect source --manifest shop.yaml spec
  $ reactor connect source --type notion spec
  $ reactor connect source --manifest shop.yaml check --config config.json
  $ reactor connect source --manifest shop.yaml read --config config.json --catalog catalog.json --state state.json

Exit codes: 0 done   1 failed, a TRACE message says why   2 wrong command line or file`

/** Errors are thrown, and written by the caller in the one form that all errors have. */
function quiet(command: Command, writeOut: (text: string) => void): void {
  command
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(error, command)
    })
    .configureOutput({ writeOut, writeErr: writeOut, outputError: () => undefined })
}

function usageError(error: CommanderError, command: Command): ConnectError {
  const help = `\`${commandPath(command)} --help\``
  // A command that only has commands below it has printed its help.
  if (error.code === 'commander.help') {
    const fix = 'Run one of the commands below it, such as `reactor connect run FILE`.'
    return new ConnectError('usage', { details: { problem: 'No command was given', fix } })
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = rest.join(' ').replace(/[()]/g, '').trim()
  const problem = first.charAt(0).toUpperCase() + first.slice(1)
  const fix = `${suggestion === '' ? '' : `${suggestion} `}Run ${help} for the options and examples.`
  return new ConnectError('usage', { details: { problem, fix }, cause: error })
}

/** `reactor connect runs start` */
export function commandPath(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}
