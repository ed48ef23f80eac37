import { Option, type Command } from 'commander'
import { principalKinds } from '../../service/platform/access/principal.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { yesOption, type YesFlag } from '../client/confirm-deletion.ts'
import { limitOption } from '../options.ts'
import type { PasswordFlags } from './read-password.ts'
import type { AddUserFlags } from './user-commands.ts'

// Loaded when one of them runs: help and completion need none.
const userCommands = () => import('./user-commands.ts')

/** `reactor auth users …`. */
export function usersCommand(auth: Command, ask: AskService): void {
  const users = auth
    .command('users')
    .description('add, list and remove users (for admins)')
    .addHelpText('after', examples)
  withPassword(serviceCommand(users, 'add', 'add a user; the password is shown only once'))
    .argument('<EMAIL>')
    .addOption(roleOption())
    .action(async (email: string, flags: CommonFlags & AddUserFlags) =>
      ask(flags, async (context) => (await userCommands()).addUser(context, email, flags)),
    )
  serviceCommand(users, 'list', 'all users, by e-mail')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & { limit?: number }) =>
      ask(flags, async (context) => (await userCommands()).listUsers(context, flags)),
    )
  serviceCommand(users, 'role', 'change the role of a user; takes effect at once')
    .argument('<EMAIL>')
    .addOption(roleOption())
    .action(async (email: string, flags: CommonFlags & Pick<AddUserFlags, 'role'>) =>
      ask(flags, async (context) => (await userCommands()).setUserRole(context, email, flags)),
    )
  withPassword(
    serviceCommand(users, 'reset', 'set a new password, shown only once, and end all logins'),
  )
    .argument('<EMAIL>')
    .action(async (email: string, flags: CommonFlags & PasswordFlags) =>
      ask(flags, async (context) => (await userCommands()).resetUser(context, email, flags)),
    )
  serviceCommand(users, 'remove', 'remove a user and end all their logins')
    .argument('<EMAIL>')
    .addOption(yesOption())
    .action(async (email: string, flags: CommonFlags & YesFlag) =>
      ask(flags, async (context) => (await userCommands()).removeUser(context, email, flags)),
    )
}

function roleOption(): Option {
  return new Option('--role <ROLE>', 'the rights of the user: docs/access.md')
    .choices(principalKinds)
    .makeOptionMandatory()
}

function withPassword(command: Command): Command {
  return command.option(
    '--password-stdin',
    'read the password from standard input; default: generate one',
  )
}

const examples = `
Examples:
  $ reactor auth users add ada@example.com --role operator
  $ reactor auth users list
  $ reactor auth users reset ada@example.com`
