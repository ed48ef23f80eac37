import type { Command } from 'commander'
import { numberUpTo, parseStreamNames } from '../options.ts'

/** The flags of both commands, as they were parsed. */
export interface CompareFlags {
  readonly streams?: readonly string[]
  readonly examples: number
  readonly values?: true
  /** False: `--no-second-look`. */
  readonly secondLook: boolean
}

/** `reactor connect compare FILE …` as it was parsed. */
export interface CompareArguments extends CompareFlags {
  readonly file: string
  readonly json: boolean
}

/** Keys that are shown of each kind of difference. */
const standardExamples = 5

/** Adds the flags of a comparison. */
export function compareOptions(command: Command): Command {
  return command
    .option('--streams <A,B>', 'only these streams', parseStreamNames)
    .option(
      '--examples <N>',
      'keys that are shown of each kind of difference',
      numberUpTo(1_000),
      standardExamples,
    )
    .option('--values', 'show the values of rows that differ too; never those of masked columns')
    .option('--no-second-look', 'report rows that differ at once, also if they are just changing')
}

/** Adds the command to its parent. */
export function compareCommand(
  connect: Command,
  compare: (options: CompareArguments) => Promise<void>,
): void {
  compareOptions(
    connect
      .command('compare')
      .description('compare the rows of source and destination, PostgreSQL both; changes nothing')
      .argument('<FILE>', 'run file: .yaml, .yml or .toml'),
  )
    .option('--json', 'the whole report as JSON')
    .addHelpText('after', examples)
    .action(async (file: string, { json, ...flags }: CompareFlags & { json?: true }) => {
      await compare({ file, json: json === true, ...flags })
    })
}

const examples = `
Exit code: 0 all rows are equal, 5 some differ, 3 none differs but a stream could not be compared.
docs/compare.md says what is compared, and how.

Examples:
  $ reactor connect compare shop.yaml
  $ reactor connect compare shop.yaml --streams public.orders --examples 100 --json | jq '.streams[].examples'`
