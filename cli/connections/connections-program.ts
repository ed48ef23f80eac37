import { Option, type Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { yesOption, type YesFlag } from '../client/confirm-deletion.ts'
import { ifVersionOption, limitOption } from '../options.ts'
import { type CompareFlags, compareOptions } from '../compare/compare-program.ts'
import { rangeOf, type ResetFlags, resetOptions } from '../run/reset-program.ts'
import { connectionOptions, type ConnectionFlags } from './connection-fields.ts'
import { rejectsCommand } from './rejects-program.ts'
import { runsCommand } from './runs-program.ts'
import { sandboxCommands } from './sandbox-program.ts'

// Loaded when one of them runs: help and completion need none.
const connectionCommands = () => import('./connection-commands.ts')
const addressCommand = () => import('./address-command.ts')
const compareCommands = () => import('./compare-command.ts')
const driftCommands = () => import('./drift-commands.ts')

/** `reactor connect connections …`. */
export function connectionsCommand(connect: Command, ask: AskService): void {
  const connections = connect
    .command('connections')
    .description('streams of an instance bound to a destination, and their runs')
    .addHelpText('after', examples)
  createAndUpdate(connections, ask)
  addReadCommands(connections, ask)
  schemaDrift(connections, ask)
  change(connections, ask)
  sandboxCommands(connections, ask)
  runsCommand(connections, ask)
  rejectsCommand(connections, ask)
}

function createAndUpdate(connections: Command, ask: AskService): void {
  const create = serviceCommand(
    connections,
    'create',
    'bind streams of an instance to a destination',
  )
    .argument('<NAME>', 'letters, digits, - and _')
    .requiredOption('--from <INSTANCE>', 'the instance that is read')
    .option(
      '--dest <DESTINATION>',
      'such as data:DATASET or topic:NAME (docs/destinations.md); default: data: and the name',
    )
    .option(
      '--activate',
      'activate it at once; default: inactive until a sandbox of it is promoted',
    )
    .addHelpText('after', createExamples)
  connectionOptions(create).action(
    async (
      name: string,
      flags: CommonFlags & ConnectionFlags & { from: string; activate?: true },
    ) =>
      ask(flags, async (context) =>
        (await connectionCommands()).createConnection(context, name, flags),
      ),
  )
  const update = serviceCommand(
    connections,
    'update',
    'change the given settings; the next run uses them',
  )
    .argument('<NAME>')
    .option('--dest <DESTINATION>', 'such as data:DATASET or topic:NAME (docs/destinations.md)')
    .option('--no-schedule', 'only run when started manually')
    .addOption(ifVersionOption())
  connectionOptions(update).action(
    async (name: string, flags: CommonFlags & ConnectionFlags & { ifVersion?: number }) =>
      ask(flags, async (context) =>
        (await connectionCommands()).updateConnection(context, name, flags),
      ),
  )
}

/** Drift of the source's schema. */
function schemaDrift(connections: Command, ask: AskService): void {
  serviceCommand(
    connections,
    'drift',
    'changes of the source that a run found and that are not approved',
  )
    .argument('<NAME>')
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await driftCommands()).showDrift(context, name)),
    )
  serviceCommand(
    connections,
    'approve',
    'approve the schema that a run found; the next run uses it',
  )
    .argument('<NAME>')
    .requiredOption('--fingerprint <F>', 'the schema to approve, as `drift` shows it')
    .action(async (name: string, flags: CommonFlags & { fingerprint: string }) =>
      ask(flags, async (context) => (await driftCommands()).approveSchema(context, name, flags)),
    )
}

function addReadCommands(connections: Command, ask: AskService): void {
  serviceCommand(connections, 'list', 'all connections')
    .option('--instance <NAME>', 'only those that read this instance')
    .addOption(
      new Option('--status <STATUS>', 'only those of a status').choices([
        'inactive',
        'active',
        'paused',
      ]),
    )
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { instance?: string; status?: string; limit?: number }) =>
      ask(flags, async (context) => (await connectionCommands()).listConnections(context, flags)),
    )
  serviceCommand(connections, 'get', 'one connection, with its last run')
    .argument('<NAME>')
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await connectionCommands()).getConnection(context, name)),
    )
  serviceCommand(
    connections,
    'address',
    'where its tables are: an address for psql, without the password',
  )
    .argument('<NAME>')
    .addHelpText('after', addressExamples)
    .action(async (name: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await addressCommand()).showAddress(context, name)),
    )
}

function change(connections: Command, ask: AskService): void {
  for (const [verb, description] of [
    ['activate', 'allow it to run, by its schedule and manually, without a sandbox'],
    ['pause', 'start no runs by the schedule; an active run continues'],
    ['resume', 'start runs by the schedule again'],
  ] as const) {
    serviceCommand(connections, verb, description)
      .argument('<NAME>')
      .action(async (name: string, flags: CommonFlags) =>
        ask(flags, async (context) => (await connectionCommands()).setStatus(context, name, verb)),
      )
  }
  resetOptions(
    serviceCommand(
      connections,
      'reset',
      'forget the checkpoints: the next run reads from the beginning, or a range again',
    ).argument('<NAME>'),
  ).action(async (name: string, flags: CommonFlags & ResetFlags) => {
    const range = rangeOf(flags)
    return ask(flags, async (context) =>
      (await connectionCommands()).resetConnection(context, name, { ...flags, range }),
    )
  })
  compareOptions(
    serviceCommand(
      connections,
      'compare',
      'compare the rows of its source and its tables, PostgreSQL both; changes nothing',
    ).argument('<NAME>'),
  )
    .addHelpText('after', compareExamples)
    .action(async (name: string, flags: CommonFlags & CompareFlags) =>
      ask(flags, async (context) => (await compareCommands()).compareRows(context, name, flags)),
    )
  serviceCommand(
    connections,
    'delete',
    'delete a connection and its runs; its tables or topics stay',
  )
    .argument('<NAME>')
    .addOption(yesOption())
    .action(async (name: string, flags: CommonFlags & YesFlag) =>
      ask(flags, async (context) =>
        (await connectionCommands()).deleteConnection(context, name, flags),
      ),
    )
}

const examples = `
Examples:
  $ reactor connect connections create shop --from my-shop --activate
  $ reactor connect connections runs start shop --wait
  $ reactor connect connections list --status paused --json`

const compareExamples = `
Exit code: 0 all rows are equal, 5 some differ, 3 none differs but a stream could not be compared.
Keys and values of rows are shown only to those who may see the rows of sandboxes.

Examples:
  $ reactor connect connections compare shop
  $ reactor connect connections compare shop --streams public.orders --json | jq '.streams[].missing'`

const addressExamples = `
Examples:
  $ psql "$(reactor connect connections address shop)" -c 'SELECT * FROM orders LIMIT 3'
  $ reactor connect connections address shop --json

On the machine of the service, as its user.`

const createExamples = `
Examples:
  $ reactor connect connections create shop-orders --from shop-db --streams public.orders,public.customers \\
      --dest data:shop_orders --schedule "*/15 * * * *"
  $ reactor connect connections create orders --from shop-db --dest postgres:warehouse \\
      --stream-config '[{"name":"orders","sync_mode":"incremental","cursor_field":"updated_at"}]'
  $ reactor connect connections create shop-topics --from shop-db --dest 'topic:shop.{stream}' --format avro --activate`
