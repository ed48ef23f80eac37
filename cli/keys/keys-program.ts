import { Option, type Command } from 'commander'
import { principalKinds, type PrincipalKind } from '../../service/access/principal.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { limitOption } from '../options.ts'
import { createKey, listKeys, revokeKey } from './key-commands.ts'

/** `reactor connect keys …`. */
export function keysCommand(connect: Command, ask: AskService): void {
  const keys = connect
    .command('keys')
    .description('API keys: make, list and revoke them')
    .addHelpText('after', examples)
  serviceCommand(keys, 'create', 'make a key; it is shown this once')
    .argument('<NAME>', 'who or what uses it')
    .addOption(
      new Option('--kind <KIND>', 'what it may do: docs/access.md')
        .choices(principalKinds)
        .makeOptionMandatory(),
    )
    .action(async (name: string, flags: CommonFlags & { kind: PrincipalKind }) =>
      ask(flags, (around) => createKey(around, { name, kind: flags.kind })),
    )
  serviceCommand(keys, 'list', 'all keys; never the keys themselves')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { limit?: number }) =>
      ask(flags, (around) => listKeys(around, flags)),
    )
  serviceCommand(keys, 'revoke', 'a key works no more')
    .argument('<ID>', 'its id, as `list` shows it')
    .action(async (id: string, flags: CommonFlags) => ask(flags, (around) => revokeKey(around, id)))
}

const examples = `
Examples:
  $ reactor connect keys create ci --kind operator
  $ reactor connect keys list
  $ REACTOR_CONNECT_API_KEY=… reactor connect instances list --url https://connect.example.com`
