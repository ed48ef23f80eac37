import type { Command } from 'commander'
import { parseStreamNames } from '../options.ts'
import { usageError } from '../usage-error.ts'

/** `reactor connect reset FILE …` as it was parsed. */
export interface ResetArguments {
  readonly file: string
  readonly json: boolean
  /** Undefined: all. */
  readonly streams?: readonly string[]
  /** Undefined: the streams are read from the beginning. */
  readonly range?: RangeArguments
}

/** The range of the cursor that is read again. */
export interface RangeArguments {
  readonly from: string | null
  readonly to: string | null
  readonly doubleRows: boolean
  readonly dryRun: boolean
}

/** The flags of both reset commands, as they were parsed. */
export interface ResetFlags {
  readonly streams?: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly doubleRows?: true
  readonly dryRun?: true
}

/** Adds the flags of a reset. */
export function resetOptions(command: Command): Command {
  return command
    .option('--streams <A,B>', 'only of these streams', parseStreamNames)
    .option(
      '--from <VALUE>',
      'read only rows again whose cursor is at least this; the position stays',
    )
    .option('--to <VALUE>', 'and at most this; both inclusive')
    .option('--double-rows', 'also of streams with append, whose rows are then there twice')
    .option('--dry-run', 'with --from or --to: only show what would be read again')
}

/** Throws a usage error for flags that belong to a range, without one. */
export function rangeOf({
  streams,
  from,
  to,
  doubleRows,
  dryRun,
}: ResetFlags): RangeArguments | undefined {
  if (from === undefined && to === undefined) {
    if (doubleRows === undefined && dryRun === undefined) return undefined
    throw usageError(
      `${dryRun === undefined ? '--double-rows' : '--dry-run'} needs --from or --to`,
      'Name the range of the cursor: `--from 2026-01-01 --to 2026-01-31`.',
    )
  }
  if (streams === undefined)
    throw usageError(
      '--from and --to need --streams',
      'Name the streams: `--streams public.orders`. Their cursors must have values of one type.',
    )
  return {
    from: from ?? null,
    to: to ?? null,
    doubleRows: doubleRows === true,
    dryRun: dryRun === true,
  }
}

/** Adds the command to its parent. */
export function resetCommand(
  connect: Command,
  reset: (options: ResetArguments) => Promise<void>,
): void {
  resetOptions(
    connect
      .command('reset')
      .description(
        'forget the checkpoints of the connection in a run file: its next run reads from the beginning, or a range again',
      )
      .argument('<FILE>', 'run file: .yaml, .yml or .toml'),
  )
    .option('--json', 'one JSON object')
    .addHelpText('after', examples)
    .action(async (file: string, flags: ResetFlags & { json?: true }) => {
      const { json, streams } = flags
      const range = rangeOf(flags)
      await reset({
        file,
        json: json === true,
        ...(streams !== undefined && { streams }),
        ...(range !== undefined && { range }),
      })
    })
}

const examples = `
Examples:
  $ reactor connect reset shop.yaml --streams public.orders,customers
  $ reactor connect run shop.yaml
  $ reactor connect reset shop.yaml --streams public.orders --from 2026-01-01 --to 2026-01-31T23:59:59Z

What was loaded stays, and a run of the connection that is active stops: docs/run-file.md, “Reading streams again”.`
