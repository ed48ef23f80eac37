import { Option, type Command } from 'commander'
import type { Resolution } from '../../plan/pair/review-pair.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import { usageError } from '../usage-error.ts'
import type { PairArguments } from './pair-arguments.ts'

type RunPair = (options: PairArguments) => Promise<void>

interface JsonFlag {
  readonly json?: true
}

/** Adds `pair` and the commands below it to their parent. */
export function pairCommand(connect: Command, run: RunPair): void {
  const pair = connect
    .command('pair')
    .description(
      'keep the records of two databases, or of one and a vendor, the same: one round, or without end',
    )
    .argument('<FILE>', 'pair file: .yaml, .yml or .toml')
    .option('--preview', 'show all that a round would write, and write nothing')
    .option('--token <TOKEN>', 'what the preview printed: do exactly that, or nothing')
    .option('--continuous', 'go on until stopped, and carry changes as they happen')
    .option(
      '--json',
      'the whole result as one JSON object; with --continuous one line for each round',
    )
    .addHelpText('after', pairHelp)
    .action(async (file: string, flags: PairFlags) => {
      const { preview, token, continuous } = flags
      refuseTogether(flags)
      const json = flags.json === true
      if (preview === true) await run({ command: 'preview', file, json })
      else await run({ command: continuous === true ? 'follow' : 'run', file, token, json })
    })
  reviewCommands(pair, run)
  historyCommand(pair, run)
}

interface PairFlags extends JsonFlag {
  readonly preview?: true
  readonly token?: string
  readonly continuous?: true
}

function refuseTogether({ preview, token, continuous }: PairFlags): void {
  if (preview !== true) return
  if (token !== undefined)
    throw usageError(
      '--preview and --token exclude each other',
      'Leave `--token` out to see what a run would do now.',
    )
  if (continuous === true)
    throw usageError(
      '--preview and --continuous exclude each other',
      'Leave `--continuous` out to see what its first round would do now.',
    )
}

function reviewCommands(pair: Command, run: RunPair): void {
  const review = pair
    .command('review')
    .description('what waits for a person: conflicts, ambiguous, quarantined and refused records')
  jsonOption(review.command('list').description('all of them, the oldest first'))
    .argument('<FILE>', 'pair file')
    .action(async (file: string, _flags: unknown, command: Command) =>
      run({ command: 'list', file, json: wantsJson(command) }),
    )
  jsonOption(review.command('show').description('one of them, with both values or all candidates'))
    .argument('<FILE>', 'pair file')
    .argument('<ID>', 'as `list` shows it')
    .action(async (file: string, id: string, _flags: unknown, command: Command) =>
      run({ command: 'show', file, id, json: wantsJson(command) }),
    )
  jsonOption(review.command('resolve').description('decide one; the next run carries it out'))
    .argument('<FILE>', 'pair file')
    .argument('<ID>', 'as `list` shows it')
    .addOption(new Option('--winner <SIDE>', 'a conflict: this side wins').choices(['a', 'b']))
    .option('--link <RECORD>', 'an ambiguous record: it belongs to this record of the other side')
    .option('--create', 'an ambiguous record: it has no counterpart yet, so create one')
    .option('--separate', 'never carry this record')
    .option('--release', 'a quarantined or refused record: write it again')
    .action(async (file: string, id: string, flags: ResolveFlags, command: Command) =>
      run({
        ...{ command: 'resolve', file, id, json: wantsJson(command) },
        resolution: resolutionOf(flags),
      }),
    )
}

interface ResolveFlags {
  readonly winner?: SideName
  readonly link?: string
  readonly create?: true
  readonly separate?: true
  readonly release?: true
}

function resolutionOf({ winner, link, create, separate, release }: ResolveFlags): Resolution {
  const chosen: Resolution[] = [
    ...(winner === undefined ? [] : [{ kind: 'winner', side: winner } as const]),
    ...(link === undefined ? [] : [{ kind: 'join', record: link } as const]),
    ...(create === undefined ? [] : [{ kind: 'create' } as const]),
    ...(separate === undefined ? [] : [{ kind: 'separate' } as const]),
    ...(release === undefined ? [] : [{ kind: 'release' } as const]),
  ]
  const [resolution] = chosen
  if (resolution !== undefined && chosen.length === 1) return resolution
  throw usageError(
    chosen.length === 0 ? 'no decision is given' : 'several decisions are given',
    'Give one: `--winner a` or `--winner b` for a conflict; `--link RECORD`, `--create` or `--separate` for an ambiguous record; `--release` for one that was quarantined or refused.',
  )
}

function historyCommand(pair: Command, run: RunPair): void {
  jsonOption(
    pair
      .command('history')
      .description('the writes and conflicts of one record: who won, what was lost, and when'),
  )
    .argument('<FILE>', 'pair file')
    .argument('<STREAM>', 'its stream')
    .argument('<RECORD>', 'its id on the side')
    .addOption(
      new Option('--side <SIDE>', 'the side whose id it is').choices(['a', 'b']).default('a'),
    )
    .action(async (file: string, stream: string, record: string, ...rest: HistoryRest) => {
      const [{ side }, command] = rest
      await run({ command: 'history', file, stream, record, side, json: wantsJson(command) })
    })
}

type HistoryRest = readonly [flags: { readonly side: SideName }, command: Command]

/** `pair` has the option too, and takes it wherever it stands. */
function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<JsonFlag>().json === true
}

function jsonOption(command: Command): Command {
  return command.option('--json', 'the whole result as one JSON object')
}

const pairHelp = `
A first alignment that would create more records than the file's create_limit needs the token of a preview, and so do
deletions above its delete_limit. docs/two-way.md describes the pair file, the rules, and what is promised.

Exit codes:
  0 complete   1 failed   2 wrong pair file or command line   3 something was left: refused, held, or not known yet
  4 stopped by Ctrl-C (run again to finish); 0 with --continuous, which only a stop ends

Examples:
  $ reactor connect pair crm.yaml --preview
  $ reactor connect pair crm.yaml --token 4be1…
  $ reactor connect pair crm.yaml --continuous
  $ reactor connect pair crm.yaml --preview --json | jq '.streams[].conflicts'
  $ reactor connect pair review list crm.yaml
  $ reactor connect pair review resolve crm.yaml 0b6c… --winner b
  $ reactor connect pair history crm.yaml contact 1042 --side a`
