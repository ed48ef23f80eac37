import { Command } from 'commander'
import type { CatalogArguments } from './catalog/catalog-command.ts'
import { catalogCommand } from './catalog/catalog-program.ts'
import { actionsCommand } from './actions/actions-program.ts'
import { auditCommand } from './audit/audit-program.ts'
import type { LogoutFlags } from './auth/logout-command.ts'
import { authCommand } from './auth/auth-program.ts'
import type { AskService } from './client/service-command.ts'
import { codegenCommand } from './codegen/codegen-program.ts'
import { completionCommands } from './completion/completion-program.ts'
import { compareCommand, type CompareArguments } from './compare/compare-program.ts'
import { connectionsCommand } from './connections/connections-program.ts'
import { deliveriesCommand } from './deliveries/deliveries-program.ts'
import { demoCommand } from './demo/demo-program.ts'
import { destinationCommand, type DestinationArguments } from './destination/destination-program.ts'
import type { DoctorFlags } from './doctor/doctor-command.ts'
import { doctorCommand } from './doctor/doctor-program.ts'
import { instancesCommand } from './instances/instances-program.ts'
import { keysCommand } from './keys/keys-program.ts'
import type { PairArguments } from './pair/pair-arguments.ts'
import { pairCommand } from './pair/pair-program.ts'
import { receiversCommand } from './receivers/receivers-program.ts'
import { reservedCommands } from './reserved/reserved-program.ts'
import { schemasCommand } from './schemas/schemas-program.ts'
import type { ServeArguments } from './serve/serve-program.ts'
import { serveCommand } from './serve/serve-program.ts'
import type { SourceArguments } from './source/source-arguments.ts'
import { vaultCommand, type RotateKeyFlags } from './vault/vault-program.ts'
import { topicsCommand } from './topics/topics-program.ts'
import type { TopicsArguments } from './topics/topics-command.ts'
import { parseCommand, throwErrors } from './parse-command.ts'
import { sourceCommand } from './source/source-program.ts'
import { resetCommand, type ResetArguments } from './run/reset-program.ts'
import { runCommand, type RunArguments } from './run/run-program.ts'

export interface ProgramOptions {
  readonly version: string
  readonly run: (options: RunArguments) => Promise<void>
  readonly reset: (options: ResetArguments) => Promise<void>
  readonly compare: (options: CompareArguments) => Promise<void>
  readonly pair: (options: PairArguments) => Promise<void>
  readonly source: (options: SourceArguments) => Promise<void>
  readonly destination: (options: DestinationArguments) => Promise<void>
  readonly catalog: (options: CatalogArguments) => Promise<void>
  readonly serve: (options: ServeArguments) => Promise<void>
  readonly askService: AskService
  readonly demo: () => Promise<void>
  readonly topics: (options: TopicsArguments) => Promise<void>
  readonly doctor: (flags: DoctorFlags) => Promise<void>
  readonly logout: (flags: LogoutFlags) => Promise<void>
  readonly rotateKey: (flags: RotateKeyFlags) => Promise<void>
  readonly writeOut: (text: string) => void
}

/** Parses a command line and runs its command. Throws `usage` for a wrong one; help and version resolve. */
export async function runProgram(argv: readonly string[], options: ProgramOptions): Promise<void> {
  await parseCommand(createProgram(options), argv)
}

/** All commands, as the command line, its completion and its documentation have them. */
export function createProgram(options: ProgramOptions): Command {
  const program = new Command('reactor')
    .description('Replicates streams of third-party systems into Postgres.')
    .version(options.version, '-V, --version', 'print the version')
    .addHelpText('after', '\nStart with: reactor connect --help')
  const connect = program
    .command('connect')
    .description('connectors, connections and runs')
    .addHelpText('after', connectHelp)
  runCommand(connect, options.run)
  resetCommand(connect, options.reset)
  compareCommand(connect, options.compare)
  pairCommand(connect, options.pair)
  sourceCommand(connect, options.source)
  destinationCommand(connect, options.destination)
  catalogCommand(connect, options.catalog, options.askService)
  serveCommand(connect, options.serve)
  instancesCommand(connect, options.askService)
  connectionsCommand(connect, options.askService)
  schemasCommand(connect, options.askService)
  topicsCommand(connect, options.topics)
  keysCommand(connect, options.askService)
  auditCommand(connect, options.askService)
  codegenCommand(connect, options.askService)
  actionsCommand(connect, options.askService)
  receiversCommand(connect, options.askService)
  deliveriesCommand(connect, options.askService)
  reservedCommands(connect, options.askService)
  vaultCommand(connect, options.rotateKey)
  doctorCommand(connect, options.doctor)
  demoCommand(connect, options.demo)
  authCommand(program, options.askService, options.logout)
  completionCommands(program, options.writeOut)
  for (const command of withSubcommands(program)) throwErrors(command, options.writeOut)
  return program
}

/** The command and all below it. */
export function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

const connectHelp = `
One connection, from a file, right now:
  $ reactor connect run shop.yaml

Many connections, in a service that stores them, runs them on a schedule and shows what happens:
  $ reactor connect serve
  $ reactor connect instances create shop-db --type postgres --config shop.json
  $ reactor connect connections create shop --from shop-db --dest data:shop --activate
  $ reactor connect connections runs start shop --wait

docs/cli.md describes all commands.`
