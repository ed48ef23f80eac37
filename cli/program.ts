import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ConnectError } from '../protocol/index.ts'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import { catalogCommand } from './catalog/catalog-program.ts'
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
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    throw usageError(error)
  }
}

function createProgram(options: ProgramOptions): Command {
  const program = new Command('reactor')
    .description('Replicates streams of third-party systems into Postgres.')
    .version(options.version, '-V, --version', 'print the version')
    .addHelpText('after', '\nStart with: reactor connect run --help')
  const connect = program.command('connect').description('connectors, connections and runs')
  const run = connect
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
  const source = sourceCommand(connect, options)
  const catalog = catalogCommand(connect, options.catalog)
  for (const command of [program, connect, run, source, catalog, ...catalog.commands])
    quiet(command, options.writeOut)
  return program
}

interface SourceFlags {
  readonly manifest?: string
  readonly type?: string
  readonly config?: string
  readonly catalog?: string
  readonly state?: string
  readonly logLevel: LogLevel
}

function sourceCommand(connect: Command, options: ProgramOptions): Command {
  return connect
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
    .exitOverride()
    .configureOutput({ writeOut, writeErr: writeOut, outputError: () => undefined })
}

function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port number: 0 to 65535.')
}

function usageError(error: CommanderError): ConnectError {
  // `reactor` and `reactor connect` alone have printed their help.
  if (error.code === 'commander.help') {
    return new ConnectError('usage', {
      details: { problem: 'No command was given', fix: 'Run `reactor connect run FILE`.' },
    })
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = rest.join(' ').replace(/[()]/g, '').trim()
  const problem = first.charAt(0).toUpperCase() + first.slice(1)
  const fix = `${suggestion === '' ? '' : `${suggestion} `}Run \`reactor connect run --help\` for the options and examples.`
  return new ConnectError('usage', { details: { problem, fix }, cause: error })
}
