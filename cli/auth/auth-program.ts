import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { login, type LoginFlags, type LogoutFlags } from './auth-commands.ts'

/** `reactor auth …`. */
export function authCommand(
  program: Command,
  ask: AskService,
  logout: (flags: LogoutFlags) => Promise<void>,
): void {
  const auth = program.command('auth').description('which service the commands ask, and as whom')
  serviceCommand(auth, 'login', 'keep the address of a service and an API key for it')
    .argument('[EMAIL]', 'of a user of the Identity service (not available yet)')
    .option('--password <PASSWORD>', 'of that user (not available yet)')
    .addHelpText('after', examples)
    .action(async (email: string | undefined, flags: CommonFlags & LoginFlags) =>
      ask(flags, (around) => login(around, email, flags)),
    )
  auth
    .command('logout')
    .description('forget them')
    .option('--json', 'what was done, as JSON')
    .action(logout)
}

const examples = `
Examples:
  $ reactor auth login --url https://connect.example.com              # asks for the key
  $ vault kv get -field=key secret/connect | reactor auth login --url https://connect.example.com

On the machine of the service no login is needed. Kept in ~/.config/reactor/login.json, for you alone.`
