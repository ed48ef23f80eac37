import { Option, type Command } from 'commander'
import { positiveNumber } from '../options.ts'
import type { TopicsArguments, TopicsFlags } from './topics-command.ts'

interface TailFlags extends TopicsFlags {
  readonly follow?: true
  readonly fromEnd?: true
  readonly limit?: number
}

/** `reactor connect topics …`. */
export function topicsCommand(
  connect: Command,
  run: (options: TopicsArguments) => Promise<void>,
): void {
  const topics = connect
    .command('topics')
    .description('read the topics of the Kafka log as any other consumer may')
    .addHelpText('after', examples)
  brokersCommand(topics, 'list', 'the topics of streams, and what their last sync did')
    .option('--json', 'one JSON array')
    .action((flags: TopicsFlags & { readonly json?: true }) =>
      run({ ...flags, command: 'list', json: flags.json === true }),
    )
  brokersCommand(topics, 'tail', 'the messages of a topic, decoded: one JSON object per line')
    .argument('<TOPIC>', 'its name: `topics list` shows it')
    .option('--follow', 'wait for more at the end, until Ctrl-C')
    .option('--from-end', 'only what comes from now on (with --follow)')
    .addOption(new Option('--limit <N>', 'end after N messages').argParser(positiveNumber))
    .action((topic: string, flags: TailFlags) => run({ ...flags, command: 'tail', topic }))
}

function brokersCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--run-file <FILE>', 'a run file: its `log.kafka` says where the brokers are')
    .option('--brokers <LIST>', 'or the brokers, without TLS and login; default: localhost:9092')
}

const examples = `
Examples:
  $ reactor connect topics list --brokers localhost:9092
  $ reactor connect topics tail connect.shop.public.orders --run-file shop.yaml --follow

docs/topics.md describes the messages.`
