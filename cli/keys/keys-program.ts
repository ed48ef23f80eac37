import { InvalidArgumentError, Option, type Command } from 'commander'
import { principalKinds } from '../../service/platform/access/principal.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { yesOption, type YesFlag } from '../client/confirm-deletion.ts'
import { limitOption } from '../options.ts'
import type { KeyFlags } from './key-commands.ts'
import { parseScope, type ScopeInput } from './scope-flag.ts'

// Loaded when one of them runs: help and completion need none.
const keyCommands = () => import('./key-commands.ts')

/** `reactor connect keys …`. */
export function keysCommand(connect: Command, ask: AskService): void {
  const keys = connect
    .command('keys')
    .alias('api-keys')
    .description('create, list and revoke API keys')
    .addHelpText('after', examples)
  createCommand(keys, ask)
  serviceCommand(keys, 'list', 'list all keys, without the secret keys themselves')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { limit?: number }) =>
      ask(flags, async (context) => (await keyCommands()).listKeys(context, flags)),
    )
  serviceCommand(keys, 'revoke', 'revoke a key: it stops working')
    .argument('<ID>', 'its id, as `list` shows it')
    .addOption(yesOption())
    .action(async (id: string, flags: CommonFlags & YesFlag) =>
      ask(flags, async (context) => (await keyCommands()).revokeKey(context, id, flags)),
    )
}

function createCommand(keys: Command, ask: AskService): void {
  serviceCommand(keys, 'create', 'create a key; it is shown only once')
    .argument('<NAME>', 'the person or program that uses it')
    .addOption(
      new Option('--kind <KIND>', 'its rights: docs/access.md')
        .choices(principalKinds)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--scope <ACTION[@NAMES]>',
        'a limit of its rights, such as connections:*@ci-*; may be repeated',
      ).argParser(collectScope),
    )
    .addOption(
      new Option(
        '--expires-in <TIME>',
        'such as 12h or 90d; default: it does not expire',
      ).argParser(duration),
    )
    .action(async (name: string, flags: CommonFlags & KeyFlags) =>
      ask(flags, async (context) => (await keyCommands()).createKey(context, name, flags)),
    )
}

function collectScope(text: string, before: readonly ScopeInput[] = []): readonly ScopeInput[] {
  const scope = parseScope(text)
  if (scope !== undefined) return [...before, scope]
  throw new InvalidArgumentError('It must be ACTION or ACTION@NAME,NAME: see docs/access.md.')
}

function duration(text: string): string {
  if (/^[1-9]\d{0,6}[mhd]$/.test(text)) return text
  throw new InvalidArgumentError('It must be a number and m, h or d: 30m, 12h, 90d.')
}

const examples = `
Examples:
  $ reactor connect keys create ci --kind operator --expires-in 90d
  $ reactor connect keys create team-a --kind operator --scope 'connections:*@team-a-*' --scope 'instances:read@team-a-*'
  $ reactor connect keys create assistant --kind agent
  $ reactor connect keys list
  $ REACTOR_CONNECT_API_KEY=… reactor connect instances list --url https://connect.example.com`
