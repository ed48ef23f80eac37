import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import type { LoginFlags } from './login-command.ts'
import type { LogoutFlags } from './logout-command.ts'
import { usersCommand } from './users-program.ts'

// Loaded when one of them runs: help and completion need none.
const loginCommand = () => import('./login-command.ts')
const passwordCommand = () => import('./password-command.ts')
const whoamiCommand = () => import('./whoami-command.ts')

/** `reactor auth …`. */
export function authCommand(
  program: Command,
  ask: AskService,
  logout: (flags: LogoutFlags) => Promise<void>,
): void {
  const auth = program
    .command('auth')
    .description('choose the service that commands use, and log in to it')
  serviceCommand(auth, 'login', 'log in as a user; without EMAIL: store an API key')
    .argument('[EMAIL]', 'of the user')
    .option('--password <PASSWORD>', 'of the user; better left out: it is then prompted for')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText('after', examples)
    .action(async (email: string | undefined, flags: CommonFlags & LoginFlags) =>
      ask(flags, async (context) => (await loginCommand()).login(context, email, flags), 'nobody'),
    )
  auth
    .command('logout')
    .description('end logins, and forget them and stored keys')
    .option('--json', 'what was done, as JSON')
    .option('--url <URL>', 'for this service only')
    .option('--local', 'forget them here; the logins stay valid elsewhere')
    .action(logout)
  serviceCommand(auth, 'whoami', 'show how the service identifies you').action(
    async (flags: CommonFlags) =>
      ask(flags, async (context) => (await whoamiCommand()).whoami(context)),
  )
  serviceCommand(auth, 'password', 'change your own password').action(async (flags: CommonFlags) =>
    ask(flags, async (context) => (await passwordCommand()).changePassword(context)),
  )
  usersCommand(auth, ask)
}

const examples = `
Examples:
  $ reactor auth login ada@example.com                                 # asks for the password
  $ reactor auth login ada@example.com --password-stdin < password.txt
  $ reactor auth login --url https://connect.example.com               # asks for an API key
  $ vault kv get -field=key secret/connect | reactor auth login --url https://connect.example.com

On the machine of the service, no login is needed. Logins and keys are stored in ~/.config/reactor/login.json, readable only by you.
docs/identity.md describes users and logins.`
