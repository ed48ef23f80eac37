import { Argument, type Command } from 'commander'

/** `reactor connect destination --type TYPE COMMAND …`, as it was parsed. */
export interface DestinationArguments {
  readonly command: 'spec' | 'check' | 'write'
  readonly type: string
  readonly config: string | undefined
  readonly catalog: string | undefined
}

/** Adds the command to its parent. */
export function destinationCommand(
  connect: Command,
  run: (options: DestinationArguments) => Promise<void>,
): void {
  connect
    .command('destination')
    .description('be an Airbyte destination: messages of a source on standard input')
    .addArgument(
      new Argument('<COMMAND>', 'what the destination does').choices(['spec', 'check', 'write']),
    )
    .requiredOption('--type <TYPE>', 'the destination: postgres')
    .option('--config <FILE>', 'the configuration (JSON): for check and write')
    .option('--catalog <FILE>', 'the configured catalog (JSON): for write')
    .addHelpText('after', examples)
    .action(
      (
        command: DestinationArguments['command'],
        { type, config, catalog }: Omit<DestinationArguments, 'command'>,
      ) => run({ command, type, config, catalog }),
    )
}

const examples = `
Examples:
  $ reactor connect destination --type postgres spec
  $ reactor connect destination --type postgres check --config config.json
  $ source-x read --config x.json --catalog catalog.json | reactor connect destination --type postgres write --config config.json --catalog catalog.json

Each state is printed when its rows are committed. The field \`connection\` of the configuration names the checkpoints; default: airbyte.
Exit codes: 0 done   1 a stream failed or was not completed, a TRACE message says why   2 wrong command line or file`
