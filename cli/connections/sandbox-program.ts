import { Option, type Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { limitOption, parseStreamNames, positiveNumber } from '../options.ts'
import type { FormatFlags, PromoteFlags, SandboxFlags } from './sandbox-commands.ts'

// Loaded when one of them runs: help and completion need none.
const commands = () => import('./sandbox-commands.ts')

/** `sandbox`, `promote` and `sandboxes …` of `reactor connect connections`. */
export function sandboxCommands(connections: Command, ask: AskService): void {
  serviceCommand(connections, 'sandbox', 'read some rows, and show what a run would change')
    .argument('<NAME>')
    .option('--limit-rows <N>', 'records read of each stream, 10000 at most', positiveNumber, 100)
    .option(
      '--streams <A,B>',
      'only these streams; such a sandbox cannot be promoted',
      parseStreamNames,
    )
    .addOption(formatOption())
    .option('--exit-code', exitCodeHelp)
    .addHelpText('after', sandboxExamples)
    .action(async (name: string, flags: CommonFlags & SandboxFlags) =>
      ask(flags, async (context) => (await commands()).sandboxConnection(context, name, flags)),
    )
  serviceCommand(
    connections,
    'promote',
    'activate a connection and start its first run, if nothing has changed since the sandbox',
  )
    .argument('<NAME>')
    .requiredOption('--token <TOKEN>', 'what the sandbox printed; `-` reads it from standard input')
    .option('--wait', 'show the progress of the run until it ends; the exit code says how')
    .action(async (name: string, flags: CommonFlags & PromoteFlags) =>
      ask(flags, async (context) => (await commands()).promoteConnection(context, name, flags)),
    )
  addSandboxesCommand(connections, ask)
}

const exitCodeHelp = '0: a run changes nothing; 2: it changes something; 3: a stream would fail'

function formatOption(): Option {
  return new Option('--format <FORMAT>', 'markdown: for a pull request, without the token')
    .choices(['text', 'markdown'])
    .default('text')
    .conflicts('json')
}

interface StoredSandboxFlags extends FormatFlags {
  readonly delete?: true
  readonly limit?: number
}

function addSandboxesCommand(connections: Command, ask: AskService): void {
  serviceCommand(connections, 'sandboxes', 'the sandboxes of a connection, or one of them')
    .argument('<NAME>', 'the connection')
    .argument('[SANDBOX]', 'id of one sandbox, to see what it found')
    .option('--delete', 'drop its rows and revoke its token')
    .addOption(limitOption())
    .addOption(formatOption())
    .option('--exit-code', exitCodeHelp)
    .action(async (name: string, id: string | undefined, flags: CommonFlags & StoredSandboxFlags) =>
      ask(flags, async (context) => {
        if (id === undefined) return (await commands()).listSandboxes(context, name, flags)
        return flags.delete === true
          ? (await commands()).deleteSandbox(context, { name, id })
          : (await commands()).getSandbox(context, { name, id, ...flags })
      }),
    )
}

const sandboxExamples = `
Nothing of the connection's tables and checkpoints changes. docs/sandbox.md says what each figure means.
The exit code is 3 if a stream would fail. With --exit-code it is 2 if a run changes something (or may: a stream was not
read to its end), which is also the code of a wrong command line.

Examples:
  $ reactor connect connections sandbox shop
  $ reactor connect connections sandbox shop --limit-rows 1000 --json | jq '.report.streams[].diff_vs_current'
  $ reactor connect connections sandbox shop --format markdown > sandbox.md
  $ reactor connect connections sandboxes shop sbx_…             # the same report again
  $ reactor connect connections promote shop --token TOKEN --wait
  $ reactor connect connections sandbox shop --json | jq -r .promote_token | reactor connect connections promote shop --token -

A token on the command line stays in the history of the shell and is seen by others on this machine; it works once.`
