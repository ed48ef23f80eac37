import { Option, type Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { yesOption, type YesFlag } from '../client/confirm-deletion.ts'
import { ifVersionOption, limitOption, portNumber } from '../options.ts'
import type { CredentialFlags } from './credentials-command.ts'

// Loaded when one of them runs: help and completion need none.
const credentialsCommand = () => import('./credentials-command.ts')
const askSourceCommands = () => import('./ask-source-commands.ts')
const instanceCommands = () => import('./instance-commands.ts')

/** `reactor connect instances …`. */
export function instancesCommand(connect: Command, ask: AskService): void {
  const instances = connect
    .command('instances')
    .description('configured connectors: create and change them, set credentials, query the source')
    .addHelpText('after', examples)
  keepInstances(instances, ask)
  credentials(instances, ask)
  askSource(instances, ask)
}

function keepInstances(instances: Command, ask: AskService): void {
  serviceCommand(instances, 'create', 'configure a connector under a name')
    .argument('<NAME>', 'letters, digits, - and _')
    .requiredOption('--type <TYPE>', 'the connector: `reactor connect catalog list`')
    .option('--config <JSON|FILE|->', 'its configuration; secrets in it go to the vault', '{}')
    .action(async (name: string, flags: CommonFlags & { type: string; config: string }) =>
      ask(flags, async (context) =>
        (await instanceCommands()).createInstance(context, name, flags),
      ),
    )
  serviceCommand(instances, 'list', 'all instances')
    .option('--type <TYPE>', 'only those of a connector')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { type?: string; limit?: number }) =>
      ask(flags, async (context) => (await instanceCommands()).listInstances(context, flags)),
    )
  serviceCommand(instances, 'get', 'one instance, without its secrets')
    .argument('<NAME>')
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await instanceCommands()).getInstance(context, name)),
    )
  serviceCommand(instances, 'update', 'replace the configuration; omitted secrets stay')
    .argument('<NAME>')
    .requiredOption('--config <JSON|FILE|->', 'the whole configuration')
    .addOption(ifVersionOption())
    .action(async (name: string, flags: CommonFlags & { config: string; ifVersion?: number }) =>
      ask(flags, async (context) =>
        (await instanceCommands()).updateInstance(context, name, flags),
      ),
    )
  serviceCommand(instances, 'delete', 'delete an instance and its secrets')
    .argument('<NAME>')
    .addOption(yesOption())
    .action(async (name: string, flags: CommonFlags & YesFlag) =>
      ask(flags, async (context) =>
        (await instanceCommands()).deleteInstance(context, name, flags),
      ),
    )
}

function credentials(instances: Command, ask: AskService): void {
  serviceCommand(instances, 'credentials', 'set secrets, or authorize in the browser (OAuth)')
    .argument('<NAME>')
    .option(
      '--input <JSON|FILE|->',
      'the secret fields; default: OAuth in the browser if the connector has it, else questions',
    )
    .option('--no-browser', 'print the OAuth address instead of opening a browser')
    .addOption(
      new Option(
        '--callback-port <N>',
        'the port that the browser returns to, 127.0.0.1:N; default: a free port',
      )
        .argParser(portNumber)
        .default(0, 'a free port'),
    )
    .option(
      '--service-callback',
      'the browser returns to the service instead: if it runs on another machine',
    )
    .addHelpText('after', credentialsHelp)
    .action(async (name: string, flags: CommonFlags & CredentialFlags) =>
      ask(flags, async (context) =>
        (await credentialsCommand()).setCredentials(context, name, flags),
      ),
    )
}

function askSource(instances: Command, ask: AskService): void {
  serviceCommand(instances, 'check', 'check that configuration and credentials work')
    .argument('<NAME>')
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await askSourceCommands()).checkInstance(context, name)),
    )
  serviceCommand(instances, 'discover', 'ask the source which streams can be read')
    .argument('<NAME>')
    .option('--cached', 'or show what a discovery of the last hour found')
    // The default; scripts may have it.
    .addOption(new Option('--refresh', 'the default').hideHelp())
    .action(async (name: string, flags: CommonFlags & { cached?: true }) =>
      ask(flags, async (context) =>
        (await askSourceCommands()).discoverInstance(context, name, flags),
      ),
    )
}

const examples = `
Examples:
  $ reactor connect instances create shop-db --type postgres --config '{"host":"db","user":"reader","database":"shop"}'
  $ reactor connect instances credentials shop-db
  $ reactor connect instances check shop-db
  $ reactor connect instances discover shop-db --json`

const credentialsHelp = `
Examples:
  $ reactor connect instances credentials shop-db                # asks; in the browser if the connector has OAuth
  $ pass show shop-db | jq -R '{password: .}' | reactor connect instances credentials shop-db --input -
  $ reactor connect instances credentials shop-db --input secrets.json

A secret on the command line (--input '{…}') stays in the history of the shell and is seen by others on this machine.`
