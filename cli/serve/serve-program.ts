import { Option, type Command } from 'commander'
import { settings, type Setting } from '../../service/platform/config/settings.ts'

/** `reactor connect serve …` as it was parsed. */
export interface ServeArguments {
  readonly config: string | undefined
  readonly migrateOnly: boolean
  /** By setting path. */
  readonly flags: Readonly<Record<string, string | undefined>>
}

/** The settings that the command line can give; all others are in the environment or the file. */
const flagPaths = ['bind', 'roles', 'data_dir', 'parallel_runs', 'log_level'] as const

/** `reactor connect serve`. */
export function serveCommand(
  connect: Command,
  serve: (options: ServeArguments) => Promise<void>,
): Command {
  const command = connect
    .command('serve')
    .description(
      'run the service: HTTP API, scheduler and runs; all parts embedded, or set by its settings',
    )
    .option('--config <FILE>', 'settings in TOML, under [connect]; default: REACTOR_CONNECT_CONFIG')
    .option('--migrate-only', 'migrate the metadata database, and end: before a rolling update')
  for (const path of flagPaths) command.addOption(flagOf(settingAt(path)))
  return command
    .addHelpText('after', examples)
    .action(({ config, migrateOnly = false, ...options }: ServeOptions) => {
      const flags = Object.fromEntries(flagPaths.map((path) => [path, options[camelCase(path)]]))
      return serve({ config, migrateOnly, flags })
    })
}

type ServeOptions = Readonly<Record<string, string | undefined>> & {
  readonly migrateOnly?: boolean
}

function flagOf({ path, type, standard, description }: Setting): Option {
  const value = type.replace(/^list of .*|^one of .*/, (text) =>
    text.replace(/^(list|one) of /, ''),
  )
  const text = `${description} ${value} [${standard}]`
  return new Option(`--${path.replaceAll('_', '-')} <VALUE>`, text)
}

function settingAt(path: string): Setting {
  const setting = settings.find((candidate) => candidate.path === path)
  if (setting === undefined) throw new TypeError(`there is no setting ${path}`)
  return setting
}

function camelCase(path: string): string {
  return path.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

const examples = `
Examples:
  $ reactor connect serve
  $ reactor connect serve --data-dir /srv/connect --bind 127.0.0.1:8007
  $ REACTOR_CONNECT_DATABASE_URL=postgres://… KAFKA_BROKERS=… reactor connect serve --roles reader,sink
  $ REACTOR_CONNECT_DATABASE_URL=postgres://… reactor connect serve --migrate-only

Ctrl-C or SIGTERM: runs drain to their last checkpoint, then it ends. A second one ends it at once; nothing is lost.
All settings: docs/configuration.md. Running it: docs/operations.md.`
