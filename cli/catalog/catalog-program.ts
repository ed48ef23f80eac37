import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import type { CatalogArguments } from './catalog-command.ts'

// Loaded when one of them runs: help and completion need none.
const remoteCatalog = () => import('./remote-catalog.ts')

/** `reactor connect catalog …`. */
export function catalogCommand(
  connect: Command,
  run: (options: CatalogArguments) => Promise<void>,
  ask: AskService,
): void {
  const catalog = connect
    .command('catalog')
    .description('list, show and import connectors that a run file can use')
    .addHelpText('after', examples)
  serviceCommand(catalog, 'list', 'all connectors, one per line')
    .option(
      '--remote',
      'fail if the service does not respond, instead of showing those of this machine',
    )
    .action((flags: RemoteFlags) =>
      isRemote(flags)
        ? ask(flags, async (context) => (await remoteCatalog()).listRemote(context))
        : run({ command: 'list', json: flags.json === true }),
    )
  serviceCommand(
    catalog,
    'search',
    'connectors with these words in their name or title, those that Airbyte publishes too, and what runs here',
  )
    .argument('<TEXT>', 'words of a name or title')
    .option('--remote', 'fail if the service does not respond, instead of searching from here')
    .action((text: string, flags: RemoteFlags) =>
      isRemote(flags)
        ? ask(flags, async (context) => (await remoteCatalog()).searchRemote(context, text))
        : run({ command: 'search', text, json: flags.json === true }),
    )
  serviceCommand(
    catalog,
    'show',
    'a connector: the fields of its configuration, its streams, its actions; or one action',
  )
    .argument('<TYPE>', 'its name')
    .argument('[ACTION]', 'one of its actions: the fields of its input and of its output')
    .option('--remote', 'fail if the service does not respond, instead of asking this machine')
    .action((type: string, action: string | undefined, flags: RemoteFlags) =>
      isRemote(flags)
        ? ask(flags, async (context) => (await remoteCatalog()).showRemote(context, type, action))
        : run({ command: 'show', type, action, json: flags.json === true }),
    )
  importCommand(catalog, run)
  catalog
    .command('update')
    .description('show what newer versions of manifests change that were imported as airbyte:NAME')
    .argument('[NAME]', 'only this one')
    .option('--apply', 'replace them')
    .option(
      '--force',
      'replace those too that were edited since their import, or that name another server',
    )
    .action((name: string | undefined, flags: { readonly apply?: true; readonly force?: true }) =>
      run({
        command: 'update',
        name,
        isApplied: flags.apply === true,
        force: flags.force === true,
      }),
    )
}

function importCommand(catalog: Command, run: (options: CatalogArguments) => Promise<void>): void {
  catalog
    .command('import')
    .description('check manifests, or programs of connectors, and put them into your catalog')
    .argument(
      '<FILE|DIR|URL|airbyte:NAME,…|pypi:PACKAGE|airbyte-process:NAME>',
      'a manifest, a folder of manifests, an https:// address, or names of connectors at Airbyte, with commas between them; or an external connector, which runs as a process: a Python package, or a name for the program of --command',
    )
    .option('--as <NAME>', 'the name, for a single connector; default: its file, folder or package')
    .option('--version <VERSION>', 'of airbyte:NAME or pypi:PACKAGE; default: the latest one')
    .option('--force', 'replace connectors of the same name')
    .option(
      '--command <COMMAND>',
      'of airbyte-process:NAME: the program that speaks spec, check, discover, read',
    )
    .option('--python <PROGRAM>', 'of pypi:PACKAGE: the interpreter; default: python3')
    .option(
      '--env <NAME...>',
      'variables of the environment that the program gets, besides PATH and proxies',
    )
    .option('--max-memory-mb <NUMBER>', 'of the program; default: 2048')
    .option('--max-silence-seconds <NUMBER>', 'how long a read may send nothing; default: 10800')
    .option('--max-ask-seconds <NUMBER>', 'how long check or discover may take; default: 900')
    .action((from: string, flags: ImportFlags) =>
      run({
        command: 'import',
        from,
        name: flags.as,
        version: flags.version,
        force: flags.force === true,
        process: {
          command: flags.command,
          python: flags.python,
          env: flags.env ?? [],
          maxMemoryMb: flags.maxMemoryMb,
          maxSilenceSeconds: flags.maxSilenceSeconds,
          maxAskSeconds: flags.maxAskSeconds,
        },
      }),
    )
}

/** `--url` implies `--remote`. */
function isRemote({ remote, url }: RemoteFlags): boolean {
  return remote === true || url !== undefined
}

interface ImportFlags {
  readonly as?: string
  readonly version?: string
  readonly force?: true
  readonly command?: string
  readonly python?: string
  readonly env?: readonly string[]
  readonly maxMemoryMb?: string
  readonly maxSilenceSeconds?: string
  readonly maxAskSeconds?: string
}

interface RemoteFlags extends CommonFlags {
  readonly remote?: true
}

const examples = `
Examples:
  $ reactor connect catalog list
  $ reactor connect catalog search "hub spot"
  $ reactor connect catalog show notion
  $ reactor connect catalog show stripe createCustomer
  $ reactor connect catalog import shop.yaml
  $ reactor connect catalog import airbyte/airbyte-integrations/connectors
  $ reactor connect catalog import airbyte:pokeapi --version 0.3.54
  $ reactor connect catalog import airbyte:stripe,sentry,sendgrid
  $ reactor connect catalog import pypi:airbyte-source-faker
  $ reactor connect catalog import airbyte-process:crm --command "/opt/crm/bin/source-crm"
  $ reactor connect catalog update

Imported manifests are kept in ~/.local/share/reactor-connect/catalog (REACTOR_CONNECT_CATALOG_DIR), where the service of
this machine finds them too. The commands list and show ask the service that this machine knows of and has a key for; if there is none, they
read the catalog of this machine.
airbyte:NAME, with its components in Python, and the list that search looks at are fetched from https://connectors.airbyte.com, or from REACTOR_CONNECT_AIRBYTE_REGISTRY_URL.
pypi:PACKAGE and airbyte-process:NAME are programs of others. They are started only if REACTOR_CONNECT_AIRBYTE_ENABLED=true
(docs/connectors/airbyte-process.md).
Exit codes: 0 done   1 a manifest was refused   2 wrong command line; update: there are changes`
