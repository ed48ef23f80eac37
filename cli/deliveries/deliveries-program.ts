import { Option, type Command } from 'commander'
import { deliveryKind, dispatchStatus } from '../../service/webhooks/deliveries/schema.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { positiveNumber } from '../options.ts'
import type { FilterFlags, ListFlags } from './delivery-commands.ts'

// Loaded when one of them runs: help and completion need none.
const deliveryCommands = () => import('./delivery-commands.ts')

/** As many as are looked at: a receiver may have millions. */
const shownByDefault = 100

/** `reactor connect deliveries …`. */
export function deliveriesCommand(connect: Command, ask: AskService): void {
  const deliveries = connect
    .command('deliveries')
    .description('what webhooks have brought, and where it went')
    .addHelpText('after', examples)
  listCommands(deliveries, ask)
  serviceCommand(deliveries, 'show', 'a delivery, with its headers and its body')
    .argument('<RECEIVER>')
    .argument('<ID>', 'its id: dlv_…')
    .action(async (receiver: string, id: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await deliveryCommands()).showDelivery(context, receiver, id)),
    )
  changeCommand(deliveries, ask, 'replay')
  changeCommand(deliveries, ask, 'discard')
}

function listCommands(deliveries: Command, ask: AskService): void {
  const all = serviceCommand(deliveries, 'list', 'deliveries, newest first')
  filterOptions(all.argument('[RECEIVER]', 'only its deliveries'))
    .addOption(limitOption())
    .action(async (receiver: string | undefined, flags: CommonFlags & ListFlags) =>
      ask(flags, async (context) =>
        (await deliveryCommands()).listDeliveries(context, receiver, flags),
      ),
    )
  serviceCommand(deliveries, 'dead', 'what was given up: dead letters')
    .argument('[RECEIVER]', 'only its deliveries')
    .option('--target <TARGET>', 'only those of this target')
    .addOption(limitOption())
    .action(async (receiver: string | undefined, flags: CommonFlags & ListFlags) =>
      ask(flags, async (context) =>
        (await deliveryCommands()).listDeliveries(context, receiver, { ...flags, status: 'dead' }),
      ),
    )
}

function changeCommand(deliveries: Command, ask: AskService, verb: 'replay' | 'discard'): void {
  const does =
    verb === 'replay'
      ? 'send events to their targets again; with --status pending, now instead of later'
      : 'discard what was given up, or with --status pending what waits'
  const command = serviceCommand(deliveries, verb, does)
    .argument('[ID...]', 'ids: dlv_…; or choose them by the options')
    .option('--receiver <NAME>', 'those of this receiver')
  filterOptions(command).action(
    async (ids: readonly string[], flags: CommonFlags & FilterFlags & { receiver?: string }) =>
      ask(flags, async (context) =>
        (await deliveryCommands()).changeDeliveries(context, verb, { ids, ...flags }),
      ),
  )
}

function filterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--status <STATUS>', 'with this status at a target').choices(
        dispatchStatus.options,
      ),
    )
    .addOption(new Option('--kind <KIND>', 'only of this kind').choices(deliveryKind.options))
    .option('--event-type <TYPE>', 'as the sender names it: charge.paid')
    .option('--event-id <ID>', 'as the sender names it')
    .option('--target <TARGET>', 'only at this target: job:NAME, url:ADDRESS, …')
    .option(
      '--since <TIME>',
      'received from this time on, ISO 8601 with its zone: 2026-11-01T00:00:00Z',
    )
    .option('--until <TIME>', 'received before this time, written in the same way')
}

function limitOption(): Option {
  return new Option('--limit <N>', 'how many at most')
    .argParser(positiveNumber)
    .default(shownByDefault)
}

const examples = `
Examples:
  $ reactor connect deliveries list stripe-prod-events --event-type charge.failed
  $ reactor connect deliveries show stripe-prod-events dlv_01JD8Q2V6T3X9K5M7N4P1R8S0W
  $ reactor connect deliveries dead
  $ reactor connect deliveries replay dlv_01JD8Q2V6T3X9K5M7N4P1R8S0W
  $ reactor connect deliveries replay --receiver stripe-prod-events --since 2026-11-27T00:00:00Z
  $ reactor connect deliveries replay --receiver stripe-prod-events --status pending
  $ reactor connect deliveries discard --receiver stripe-prod-events --status dead`
