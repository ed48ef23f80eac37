import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import type { ConflictFlags } from './reserved-commands.ts'

// Loaded when one of them runs: help and completion need none.
const commands = () => import('./reserved-commands.ts')

/** Commands that a later version of the service implements. */
export function reservedCommands(connect: Command, ask: AskService): void {
  const policies = connect
    .command('policies')
    .description(
      'rules of two-way sync in the service (not available yet: `pair` has them in its file)',
    )
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
