import { InvalidArgumentError, Option, type Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { yesOption, type YesFlag } from '../client/confirm-deletion.ts'
import { ifVersionOption, limitOption, numberUpTo } from '../options.ts'
import type { CreateFlags, DispatchFlags, GraceFlags } from './receiver-commands.ts'
import type { SecretFlags } from './read-signing-secret.ts'
import type { TestFlags } from './test-receiver.ts'

// Loaded when one of them runs: help and completion need none.
const receiverCommands = () => import('./receiver-commands.ts')

/** `reactor connect receivers …`. */
export function receiversCommand(connect: Command, ask: AskService): void {
  const receivers = connect
    .command('receivers')
    .description('webhooks that come in: their addresses, secrets and targets')
    .addHelpText('after', examples)
  createCommand(receivers, ask)
  readCommands(receivers, ask)
  changeCommands(receivers, ask)
  secretCommands(receivers, ask)
  testCommand(receivers, ask)
}

function testCommand(receivers: Command, ask: AskService): void {
  serviceCommand(receivers, 'test', 'send it an event as its sender would, signed with its secret')
    .argument('<NAME>')
    .option(
      '--input <JSON|FILE|->',
      'the event; what the receiver needs of id and type is put into it',
    )
    .action(async (name: string, flags: CommonFlags & TestFlags) =>
      ask(flags, async (context) =>
        (await import('./test-receiver.ts')).testReceiver(context, name, flags),
      ),
    )
}

function createCommand(receivers: Command, ask: AskService): void {
  const create = serviceCommand(
    receivers,
    'create',
    'receive webhooks; the address for the sender is shown only once',
  )
    .argument('[INSTANCE]', 'whose webhooks; left out: a sender without a connector')
    .option(
      '--webhook <NAME>',
      'which webhook of its connector (`catalog show`); default: the only one',
    )
    .option('--name <NAME>', 'default: INSTANCE-WEBHOOK')
    .option(
      '--rules <JSON|FILE|->',
      'how a sender without a connector signs; default: Standard Webhooks',
    )
  dispatchOptions(create, 'to')
  secretOptions(create)
    .addHelpText('after', createExamples)
    .action(async (instance: string | undefined, flags: CommonFlags & CreateFlags) =>
      ask(flags, async (context) =>
        (await receiverCommands()).createReceiver(context, instance, flags),
      ),
    )
}

function dispatchOptions(command: Command, kind: 'to' | 'instead'): void {
  const targets = 'job:NAME, stream:CONNECTION/STREAM, function:NAME, topic:NAME or url:ADDRESS'
  const dispatch = new Option(
    '--dispatch <TARGET>',
    `${kind === 'to' ? '' : 'other targets: '}${targets}; may be repeated`,
  ).argParser(collect)
  command
    .addOption(kind === 'to' ? dispatch.makeOptionMandatory() : dispatch)
    .option(
      '--order-by <POINTER>',
      'events with the same value there reach each target in order, such as /data/object/id',
    )
    .addOption(
      new Option(
        '--sweep-every <N>',
        'of stream:CONNECTION/*: only every Nth scheduled run of the connection starts while events flow',
      ).argParser(numberUpTo(1_000)),
    )
    .option('--description <TEXT>', 'its purpose, in your words')
}

function secretOptions(command: Command): Command {
  return command
    .option(
      '--signing-secret-stdin',
      'read the secret that the sender signs with from standard input',
    )
    .option('--input <JSON|FILE|->', 'the same as JSON: {"signing_secret": "…"}')
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function readCommands(receivers: Command, ask: AskService): void {
  serviceCommand(receivers, 'list', 'all receivers')
    .option('--instance <NAME>', 'only those of this instance')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { instance?: string; limit?: number }) =>
      ask(flags, async (context) => (await receiverCommands()).listReceivers(context, flags)),
    )
  serviceCommand(receivers, 'get', 'one receiver, without its address and its secrets')
    .argument('<NAME>')
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await receiverCommands()).getReceiver(context, name)),
    )
}

function changeCommands(receivers: Command, ask: AskService): void {
  const update = serviceCommand(receivers, 'update', 'change where its events go')
    .argument('<NAME>')
    .addOption(ifVersionOption())
  dispatchOptions(update, 'instead')
  update.action(async (name: string, flags: CommonFlags & DispatchFlags & { ifVersion?: number }) =>
    ask(flags, async (context) => (await receiverCommands()).updateReceiver(context, name, flags)),
  )
  for (const [verb, description] of [
    ['pause', 'store what comes, and dispatch nothing'],
    ['resume', 'dispatch again, also what came meanwhile'],
  ] as const)
    serviceCommand(receivers, verb, description)
      .argument('<NAME>')
      .action(async (name: string, flags: CommonFlags) =>
        ask(flags, async (context) => (await receiverCommands()).setStatus(context, name, verb)),
      )
  serviceCommand(receivers, 'delete', 'delete a receiver, its secrets and its deliveries')
    .argument('<NAME>')
    .addOption(yesOption())
    .action(async (name: string, flags: CommonFlags & YesFlag) =>
      ask(flags, async (context) =>
        (await receiverCommands()).deleteReceiver(context, name, flags),
      ),
    )
}

function secretCommands(receivers: Command, ask: AskService): void {
  serviceCommand(receivers, 'rotate-token', 'another address, shown only once')
    .argument('<NAME>')
    .addOption(graceOption())
    .action(async (name: string, flags: CommonFlags & GraceFlags) =>
      ask(flags, async (context) => (await receiverCommands()).rotateToken(context, name, flags)),
    )
  const secret = serviceCommand(
    receivers,
    'secret',
    'set the secret that the sender signs with; asks for it if there is a terminal',
  )
    .argument('<NAME>')
    .option('--generate', 'the service makes it, if the sender lets you choose; shown only once')
    .addOption(graceOption())
  secretOptions(secret)
    .addHelpText('after', secretExamples)
    .action(async (name: string, flags: CommonFlags & GraceFlags & SecretFlags) =>
      ask(flags, async (context) => (await receiverCommands()).setSecret(context, name, flags)),
    )
  serviceCommand(
    receivers,
    'rotate-dispatch-secret',
    'another secret for its url: targets, shown only once',
  )
    .argument('<NAME>')
    .addOption(graceOption())
    .action(async (name: string, flags: CommonFlags & GraceFlags) =>
      ask(flags, async (context) =>
        (await receiverCommands()).rotateDispatchSecret(context, name, flags),
      ),
    )
}

function graceOption(): Option {
  return new Option(
    '--grace <TIME>',
    'for how long the one before is valid too: 0, 30m, 12h, 7d; default: 24h',
  ).argParser(seconds)
}

const secondsIn: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
])

function seconds(text: string): number {
  if (text === '0') return 0
  const [, count, unit = ''] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? []
  const each = secondsIn.get(unit)
  if (count !== undefined && each !== undefined) return Number(count) * each
  throw new InvalidArgumentError('It must be 0, or a number and s, m, h or d: 30m, 12h, 7d.')
}

const examples = `
Examples:
  $ reactor connect receivers create my-stripe --webhook events --dispatch job:process-stripe-event
  $ reactor connect receivers secret my-stripe-events
  $ reactor connect receivers test my-stripe-events --input '{"data": {"object": {"id": "ch_1"}}}'
  $ reactor connect receivers list
  $ reactor connect receivers rotate-token my-stripe-events --grace 12h

docs/webhooks.md shows what to do at Stripe, GitHub, Slack and Linear.`

const createExamples = `
Examples:
  $ pass show stripe-webhook | reactor connect receivers create my-stripe --webhook events \\
      --dispatch job:process-stripe-event --order-by /data/object/id --signing-secret-stdin
  $ reactor connect receivers create --name orders --dispatch url:https://example.com/hooks --rules rules.json`

const secretExamples = `
Examples:
  $ reactor connect receivers secret my-stripe-events                  # asks for it
  $ pass show stripe-webhook | reactor connect receivers secret my-stripe-events --signing-secret-stdin
  $ reactor connect receivers secret my-github-events --generate

A secret on the command line (--input '{…}') stays in the history of the shell and is seen by others on this machine.`
