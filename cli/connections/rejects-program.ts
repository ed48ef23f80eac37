import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { limitOption } from '../options.ts'
import type { RejectsFlags } from './rejects-commands.ts'

// Loaded when one of them runs: help and completion need none.
const commands = () => import('./rejects-commands.ts')

/** `reactor connect connections rejects …`. */
export function rejectsCommand(connections: Command, ask: AskService): void {
  const rejects = connections
    .command('rejects')
    .description('records that a vendor has refused, of a connection to instance:NAME')
    .addHelpText('after', examples)
  serviceCommand(rejects, 'list', 'the rejected records, with the vendor’s reasons')
    .argument('<NAME>', 'the connection')
    .option('--stream <STREAM>', 'only those of this stream')
    .addOption(limitOption())
    .action(async (name: string, flags: CommonFlags & RejectsFlags & { limit?: number }) =>
      ask(flags, async (context) => (await commands()).listRejects(context, name, flags)),
    )
  for (const [verb, description] of [
    ['retry', 'send them again as they were read then, whatever the vendor has now'],
    ['discard', 'forget them; both sides stay as they are'],
  ] as const)
    serviceCommand(rejects, verb, description)
      .argument('<NAME>', 'the connection')
      .option('--stream <STREAM>', 'only those of this stream')
      .option('--record <KEY>', 'only this record, repeated; default: all', collect)
      .action(async (name: string, flags: CommonFlags & RejectsFlags) =>
        ask(flags, async (context) =>
          (await commands()).settleRejects(context, name, { ...flags, verb }),
        ),
      )
}

function collect(key: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), key]
}

const examples = `
Examples:
  $ reactor connect connections rejects list leads-back
  $ reactor connect connections rejects retry leads-back --record lead-17`
