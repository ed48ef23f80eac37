import process from 'node:process'
import { Command, CommanderError } from 'commander'
import { ConnectError } from '../protocol/errors/connect-error.ts'

/** Runs the command that a command line names. Throws `usage` for a wrong one; help and version resolve. */
export async function parseCommand(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    // Help and version have been written.
    if (!(error instanceof CommanderError)) throw error
  }
}

/**
 * The same for one command below `reactor connect`, without the others, which take longer to load than the
 * command.
 * @param add adds it to its parent, and gives it
 */
export async function parseAlone(
  argv: readonly string[],
  add: (connect: Command) => Command,
): Promise<void> {
  const program = new Command('reactor')
  const connect = program.command('connect')
  for (const command of [program, connect, add(connect)])
    throwErrors(command, (text) => process.stdout.write(text))
  await parseCommand(program, argv)
}

/** Errors are thrown, and written by the caller in the one form that all errors have. */
export function throwErrors(command: Command, writeOut: (text: string) => void): void {
  command
    .exitOverride((error) => {
      // `reactor` alone asks for the help, which it has printed.
      const isHelp = error.code === 'commander.help' && command.parent === null
      throw error.exitCode === 0 || isHelp ? error : usageError(error, command)
    })
    .configureOutput({ writeOut, writeErr: writeOut, outputError: () => undefined })
}

function usageError(error: CommanderError, command: Command): ConnectError {
  const help = `\`${commandPath(command)} --help\``
  // A command that only has commands below it has printed its help.
  if (error.code === 'commander.help') {
    const path = commandPath(command)
    const names = command.commands.map((below) => below.name()).filter((name) => name !== 'help')
    const fix = `Run one of its commands (${names.join(', ')}); ${help} describes them.`
    const problem = `\`${path}\` needs a command`
    return new ConnectError('usage', { details: { problem, fix } })
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = rest.join(' ').replace(/[()]/g, '').trim()
  const problem = first.charAt(0).toUpperCase() + first.slice(1)
  const fix = `${suggestion === '' ? '' : `${suggestion} `}Run ${help} for the options and examples.`
  return new ConnectError('usage', { details: { problem, fix }, cause: error })
}

/** `reactor connect runs start` */
export function commandPath(command: Command): string {
  const names: string[] = []
  for (let current: Command | null = command; current !== null; current = current.parent)
    names.unshift(current.name())
  return names.join(' ')
}
