import type { Command } from 'commander'
import { parseStreamNames } from '../options.ts'

/** `reactor connect reset FILE …` as it was parsed. */
export interface ResetArguments {
  readonly file: string
  readonly json: boolean
  /** Undefined: all. */
  readonly streams?: readonly string[]
}

/** Adds the command to its parent. */
export function resetCommand(
  connect: Command,
  reset: (options: ResetArguments) => Promise<void>,
): void {
  connect
    .command('reset')
    .description(
      'forget the checkpoints of the connection in a run file: its next run reads from the beginning',
    )
    .argument('<FILE>', 'run file: .yaml, .yml or .toml')
    .option('--streams <A,B>', 'only of these streams', parseStreamNames)
    .option('--json', 'one JSON object')
    .addHelpText('after', examples)
    .action(async (file: string, flags: { json?: true; streams?: readonly string[] }) => {
      const { json, ...streams } = flags
      await reset({ file, json: json === true, ...streams })
    })
}

const examples = `
Examples:
  $ reactor connect reset shop.yaml --streams public.orders,customers
  $ reactor connect run shop.yaml

What was loaded stays, and a run of the connection that is active stops: docs/run-file.md, “Reading streams again”.`
