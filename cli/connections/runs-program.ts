import { Option, type Command } from 'commander'
import {
  serviceCommand,
  type AskService,
  type CommandContext,
  type CommonFlags,
} from '../client/service-command.ts'
import { limitOption, parseWholeNumber } from '../options.ts'
import type { WaitFlags } from './run-commands.ts'
import type { RunPlace } from './run-place.ts'

/** The last run: the default. */
const latest = 'latest'
const runArgument = 'its id, run_…'

// Loaded when one of them runs: help and completion need none.
const runLogCommands = () => import('./run-log-commands.ts')
const runCommands = () => import('./run-commands.ts')
const runPlace = () => import('./run-place.ts')

/** `reactor connect connections runs …`. */
export function runsCommand(connections: Command, ask: AskService): void {
  const runs = connections
    .command('runs')
    .description('start, watch, cancel and retry runs of a connection')
    .addHelpText('after', examples)
  startAndRetry(runs, ask)
  addReadCommands(runs, ask)
  serviceCommand(runs, 'cancel', 'end a run at its last checkpoint; a queued one at once')
    .argument('<NAME>', 'the connection')
    .argument('[RUN]', runArgument, latest)
    .action(async (name: string, run: string, flags: CommonFlags) =>
      ask(flags, async (context) =>
        (await runCommands()).cancelRun(context, await placeOf(context, name, run)),
      ),
    )
}

/** The run that was named: its id, or `latest`. */
async function placeOf(context: CommandContext, name: string, run: string): Promise<RunPlace> {
  return (await runPlace()).findRun(context, { name, run })
}

function startAndRetry(runs: Command, ask: AskService): void {
  waiting(serviceCommand(runs, 'start', 'queue a run'))
    .argument('<NAME>', 'the connection')
    .action(async (name: string, flags: CommonFlags & WaitFlags) =>
      ask(flags, async (context) => (await runCommands()).startRun(context, name, flags)),
    )
  waiting(serviceCommand(runs, 'retry', 'a new run of the streams that are not complete'))
    .argument('<NAME>', 'the connection')
    .argument('[RUN]', runArgument, latest)
    .action(async (name: string, run: string, flags: CommonFlags & WaitFlags) =>
      ask(flags, async (context) =>
        (await runCommands()).retryRun(context, await placeOf(context, name, run), flags),
      ),
    )
}

function waiting(command: Command): Command {
  return command
    .option('--wait', 'show progress until it ends; the exit code says how')
    .option('--follow', 'as --wait, with the lines of its log')
    .addHelpText('after', exitCodeHelp)
}

function addReadCommands(runs: Command, ask: AskService): void {
  serviceCommand(runs, 'list', 'runs of a connection, newest first')
    .argument('<NAME>', 'the connection')
    .addOption(
      new Option('--status <STATUS>', 'only those of a status').choices([
        'queued',
        'running',
        'complete',
        'partial',
        'failed',
        'cancelled',
      ]),
    )
    .addOption(limitOption())
    .action(async (name: string, flags: CommonFlags & { status?: string; limit?: number }) =>
      ask(flags, async (context) => (await runCommands()).listRuns(context, name, flags)),
    )
  serviceCommand(runs, 'get', 'one run, with its streams')
    .argument('<NAME>', 'the connection')
    .argument('[RUN]', runArgument, latest)
    .action(async (name: string, run: string, flags: CommonFlags) =>
      ask(flags, async (context) =>
        (await runCommands()).getRun(context, await placeOf(context, name, run)),
      ),
    )
  serviceCommand(runs, 'logs', 'the log of a run')
    .argument('<NAME>', 'the connection')
    .argument('[RUN]', runArgument, latest)
    .option('--follow', 'keep printing new lines until the run ends')
    .addOption(
      new Option('--after <SEQ>', 'only lines after this one')
        .argParser(parseWholeNumber)
        .default(0, 'all'),
    )
    .action(
      async (name: string, run: string, flags: CommonFlags & { follow?: true; after: number }) =>
        ask(flags, async (context) => {
          const place = { ...(await placeOf(context, name, run)), after: flags.after }
          return flags.follow === true
            ? (await runLogCommands()).followLogs(context, place)
            : (await runLogCommands()).showLogs(context, place)
        }),
    )
}

const examples = `
Examples:
  $ reactor connect connections runs start shop --wait
  $ reactor connect connections runs list shop --status failed
  $ reactor connect connections runs logs shop --follow
  $ reactor connect connections runs retry shop run_01JD8Q2V6T3X9K5M7N4P1R8S0W --wait`

const exitCodeHelp = `
With --wait or --follow:
  --json writes one JSON object per line: {"type":"run",…} and {"type":"log",…} as they come, {"type":"result",…} last.
  Ctrl-C only ends the watching: the run continues in the service.

Exit codes: 0 complete   1 failed   2 wrong command line   3 partial   4 cancelled at a checkpoint   130 Ctrl-C`
