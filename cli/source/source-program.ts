import { Argument, Option, type Command } from 'commander'
import { sourceLogLevels, type LogLevel } from '../run/log-levels.ts'
import type { SourceArguments } from './source-arguments.ts'

interface SourceFlags {
  readonly manifest?: string
  readonly type?: string
  readonly config?: string
  readonly catalog?: string
  readonly state?: string
  readonly logLevel: LogLevel
  readonly pages: string
  readonly slices: string
  readonly writeCatalog?: string
  readonly writeSchema?: true
  readonly force?: true
  readonly resolved?: true
  readonly json?: true
}

/** Adds the command to its parent, and gives it. */
export function sourceCommand(
  connect: Command,
  run: (options: SourceArguments) => Promise<void>,
): Command {
  return connect
    .command('source')
    .description('run a connector or a manifest as an Airbyte source: messages on stdout')
    .addArgument(
      new Argument('<COMMAND>', 'what the source does').choices([
        'spec',
        'check',
        'discover',
        'read',
        'validate',
        'try',
      ]),
    )
    .argument('[STREAM]', 'the stream to try')
    .option('--manifest <FILE>', 'the Low-Code manifest (YAML)')
    .option(
      '--type <NAME>',
      'or a connector of the catalog: `reactor connect catalog list` shows them',
    )
    .option('--config <FILE>', 'the configuration (JSON): for check, discover, read and try')
    .option('--catalog <FILE>', 'the configured catalog (JSON): for read')
    .option('--state <FILE>', 'the states of an earlier read (JSON): for read and try')
    .addOption(
      new Option('--log-level <LEVEL>', 'minimum level of LOG messages')
        .choices(sourceLogLevels)
        .default('warn'),
    )
    .option('--pages <COUNT>', 'try: pages of each slice that are read', '5')
    .option('--slices <COUNT>', 'try: slices that are read', '5')
    .option('--write-catalog <FILE>', 'try: write the configured catalog of the stream, for read')
    .option(
      '--write-schema',
      'try: write the types that were found into the manifest, if the stream declares no schema',
    )
    .option('--force', 'try: with --write-schema, replace a declared schema')
    .option('--resolved', 'try: also show the stream with its references and parameters resolved')
    .option('--json', 'validate and try: the result as JSON')
    .addHelpText('after', sourceExamples)
    .action(
      async (
        command: SourceArguments['command'],
        stream: string | undefined,
        flags: SourceFlags,
      ) => {
        const { json = false, resolved = false, writeSchema = false, force = false } = flags
        const { manifest, type, config, catalog, state, writeCatalog } = flags
        const { logLevel, pages, slices } = flags
        const files = { manifest, type, config, catalog, state, writeCatalog, writeSchema, force }
        await run({ command, stream, ...files, logLevel, pages, slices, resolved, json })
      },
    )
}

const sourceExamples = `
Examples:
  $ reactor connect source --manifest shop.yaml validate
  $ reactor connect source --manifest shop.yaml try orders --config config.json --pages 2
  $ reactor connect source --manifest shop.yaml try orders --config config.json --write-schema
  $ reactor connect source --manifest shop.yaml spec
  $ reactor connect source --type notion spec
  $ reactor connect source --type postgres discover --config config.json
  $ reactor connect source --manifest shop.yaml check --config config.json
  $ reactor connect source --manifest shop.yaml read --config config.json --catalog catalog.json --state state.json

validate reports the errors that the text of a manifest shows. try reads some pages of a stream and shows each request and
response (secrets are masked), and the schema of the records beside the declared one; with --resolved also the stream's part of the manifest.
Exit codes: 0 done   1 failed, a TRACE message says why; an error was found; --write-schema wrote nothing   2 wrong command line or file`
