import { InvalidArgumentError, Option, type Command } from 'commander'
import { dryRunLevels, idempotencyScopes } from '../../service/actions/invoke-choices.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { numberUpTo } from '../options.ts'
import type { InvokeFlags } from './check-invocation.ts'

// Loaded when one of them runs: help and completion need none.
const commands = () => import('./action-commands.ts')

/** `reactor connect actions …`. */
export function actionsCommand(connect: Command, ask: AskService): void {
  const actions = connect
    .command('actions')
    .description('typed calls of a third-party system: list, show and invoke them')
    .addHelpText('after', examples)
  serviceCommand(actions, 'list', 'the actions of an instance')
    .argument('<INSTANCE>')
    .action(async (instance: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await commands()).listActions(context, instance)),
    )
  serviceCommand(actions, 'show', 'an action: the fields of its input, its effect, its dry-run')
    .argument('<INSTANCE>')
    .argument('<ACTION>')
    .action(async (instance: string, action: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await commands()).showAction(context, { instance, action })),
    )
  serviceCommand(actions, 'invoke', 'carry out an action, or show what it would do')
    .argument('<INSTANCE>')
    .argument('<ACTION>')
    .option(
      '--input <JSON|FILE|->',
      'its input: JSON, a file of JSON, or standard input; only an action that reads goes without',
    )
    .option(
      '--dry-run [KIND]',
      'show the request: `synthesized` sends nothing, `native` does it in the vendor’s test mode; default: synthesized for agents and for what needs a confirmation, else native with credentials of a test mode',
      dryRunKind,
    )
    .option('--token <TOKEN|->', 'of a dry-run: do exactly what it showed')
    .option('--yes', 'invoke it without a question, if it needs a confirmation')
    .option(
      '--idempotency-key <KEY>',
      'carry it out once, however often this is repeated; default: a new key, which errors name',
    )
    .addOption(
      new Option(
        '--idempotency-scope <SCOPE>',
        'whose the key is: under `instance` it is the same call with another API key, too; default: caller',
      ).choices(idempotencyScopes),
    )
    .option(
      '--timeout <SECONDS>',
      'how long the vendor may take for each request, 1 to 100; default 30',
      numberUpTo(100),
    )
    .action(async (instance: string, action: string, flags: CommonFlags & InvokeFlags) =>
      ask(flags, async (context) =>
        (await commands()).invokeAction(context, { instance, action }, flags),
      ),
    )
}

function dryRunKind(text: string): string {
  if (dryRunLevels.some((level) => level === text)) return text
  throw new InvalidArgumentError(
    'It must be native or synthesized. To give none, write --dry-run at the end of the command.',
  )
}

const examples = `
Examples:
  $ reactor connect actions list my-stripe
  $ reactor connect actions show my-stripe createCustomer
  $ reactor connect actions invoke my-stripe createCustomer --input '{"email":"ada@example.com"}' --dry-run
  $ reactor connect actions invoke my-stripe createCustomer --input customer.json --idempotency-key ada-1

docs/actions.md explains dry-runs, tokens and repeated calls.`
