import { InvalidArgumentError, Option, type Command } from 'commander'
import { principalKinds } from '../../service/platform/access/principal.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
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
    .description('API keys: make, list and revoke them')
    .addHelpText('after', examples)
  createCommand(keys, ask)
  serviceCommand(keys, 'list', 'all keys; never the keys themselves')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { limit?: number }) =>
      ask(flags, async (context) => (await keyCommands()).listKeys(context, flags)),
    )
  serviceCommand(keys, 'revoke', 'a key works no more')
    .argument('<ID>', 'its id, as `list` shows it')
    .action(async (id: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await keyCommands()).revokeKey(context, id)),
    )
}

function createCommand(keys: Command, ask: AskService): void {
  serviceCommand(keys, 'create', 'make a key; it is shown this once')
    .argument('<NAME>', 'who or what uses it')
    .addOption(
      new Option('--kind <KIND>', 'what it may do: docs/access.md')
        .choices(principalKinds)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--scope <ACTION[@NAMES]>',
        'what it may do at most, such as connections:*@ci-*; may be given more than once',
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
