import { Argument, Option, type Command } from 'commander'
import { logLevels, type LogLevel } from '../run/log-levels.ts'
import type { SourceArguments } from './source-command.ts'

interface SourceFlags {
  readonly manifest?: string
  readonly type?: string
  readonly config?: string
  readonly catalog?: string
  readonly state?: string
  readonly logLevel: LogLevel
}

/** Adds the command to its parent, and gives it. */
export function sourceCommand(
  connect: Command,
  run: (options: SourceArguments) => Promise<void>,
): Command {
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
      await run({ command, manifest, type, config, catalog, state, logLevel })
    })
}

const sourceExamples = `
Examples:
  $ reactor connect source --manifest shop.yaml spec
  $ reactor connect source --type notion spec
  $ reactor connect source --manifest shop.yaml check --config config.json
  $ reactor connect source --manifest shop.yaml read --config config.json --catalog catalog.json --state state.json

Exit codes: 0 done   1 failed, a TRACE message says why   2 wrong command line or file`
