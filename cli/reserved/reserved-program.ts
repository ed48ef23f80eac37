import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import type { ConflictFlags, InvokeFlags, ReceiverFlags } from './reserved-commands.ts'

// Loaded when one of them runs: help and completion need none.
const commands = () => import('./reserved-commands.ts')

/** Commands that a later version of the service implements, and `actions list`, which works. */
export function reservedCommands(connect: Command, ask: AskService): void {
  actions(connect, ask)
  const receivers = connect
    .command('receivers')
    .description('webhook receivers (not available yet)')
  serviceCommand(receivers, 'create', 'receive the webhooks of an instance (not available yet)')
    .argument('<INSTANCE>')
    .requiredOption('--webhook <NAME>', 'which webhook of the connector')
    .requiredOption('--dispatch <TARGET>', 'job:NAME, stream:CONNECTION/STREAM or function:NAME')
    .action(async (instance: string, flags: CommonFlags & ReceiverFlags) =>
      ask(flags, async (context) => (await commands()).createReceiver(context, instance, flags)),
    )
  conflictPolicies(connect, ask)
}

function actions(connect: Command, ask: AskService): void {
  const command = connect.command('actions').description('typed calls of a connector')
  serviceCommand(command, 'list', 'the actions of an instance’s connector')
    .argument('<INSTANCE>')
    .action(async (instance: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await commands()).listActions(context, instance)),
    )
  serviceCommand(command, 'invoke', 'call an action (not available yet)')
    .argument('<INSTANCE>')
    .argument('<ACTION>')
    .requiredOption('--input <JSON|FILE|->', 'the input of the action')
    .option('--dry-run', 'show the request without sending it')
    .action(async (name: string, action: string, flags: CommonFlags & InvokeFlags) =>
      ask(flags, async (context) =>
        (await commands()).invokeAction(context, { name, action }, flags),
      ),
    )
}

function conflictPolicies(connect: Command, ask: AskService): void {
  const policies = connect
    .command('policies')
    .description('rules of two-way sync (not available yet)')
  const conflict = policies
    .command('conflict')
    .description('which side wins if both changed (not available yet)')
  serviceCommand(conflict, 'create', 'a policy for two connections (not available yet)')
    .requiredOption('--connection-a <NAME>', 'one direction')
    .requiredOption('--connection-b <NAME>', 'the other direction')
    .requiredOption('--rules <RULES>', 'Lead:last_write_wins,Account:source_of_truth_a')
    .action(async (flags: CommonFlags & ConflictFlags) =>
      ask(flags, async (context) => (await commands()).createConflictPolicy(context, flags)),
    )
}
