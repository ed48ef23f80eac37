import type { Command } from 'commander'
import type { CatalogArguments } from './catalog-command.ts'

/** `reactor connect catalog …`. */
export function catalogCommand(
  connect: Command,
  run: (options: CatalogArguments) => Promise<void>,
): Command {
  const catalog = connect
    .command('catalog')
    .description('the connectors that a run file can name: list, show and import them')
    .addHelpText('after', examples)
  catalog
    .command('list')
    .description('all connectors, a line each')
    .option('--json', 'one JSON array')
    .action((flags: { readonly json?: true }) =>
      run({ command: 'list', json: flags.json === true }),
    )
  catalog
    .command('show')
    .description('the fields of a connector’s configuration, and its streams')
    .argument('<TYPE>', 'its name')
    .option('--json', 'one JSON object, with the whole JSON Schema of the configuration')
    .action((type: string, flags: { readonly json?: true }) =>
      run({ command: 'show', type, json: flags.json === true }),
    )
  catalog
    .command('import')
    .description('check manifests and copy them into your catalog')
    .argument('<FILE|DIR|URL>', 'a manifest, a folder of manifests, or an https:// address')
    .option('--as <NAME>', 'the name, for a single manifest; default: its file or folder')
    .option('--force', 'replace manifests of the same name')
    .action((from: string, flags: { readonly as?: string; readonly force?: true }) =>
      run({ command: 'import', from, name: flags.as, force: flags.force === true }),
    )
  return catalog
}

const examples = `
Examples:
  $ reactor connect catalog list
  $ reactor connect catalog show notion
  $ reactor connect catalog import shop.yaml
  $ reactor connect catalog import airbyte/airbyte-integrations/connectors

Imported manifests are kept in ~/.reactor/connect/manifests (REACTOR_CONNECT_CATALOG_DIR).
Exit codes: 0 done   1 a manifest was refused   2 wrong command line`
