import { loginDocument } from '../../service/logins/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { keepLogin, loginFile } from '../client/login-file.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { usageError } from '../usage-error.ts'

/** Changes the caller's own password, and stores the new login that the service returns. */
export async function changePassword(context: CommandContext): Promise<number> {
  const { client, service, output, environment } = context
  const path = apiPath('auth', 'password')
  const body = await readPasswords(context)
  const { document } = await client.ask({ method: 'POST', path, body }, loginDocument)
  const { email } = document.user
  // The request used the stored login, not a token that was set for this command.
  if (service.user !== undefined)
    await keepLogin(loginFile(environment), {
      url: service.url,
      key: document.token,
      user: { email, expiresAt: document.expires_at },
    })
  await showResult(
    output,
    { email, expires_at: document.expires_at },
    () => `the password of ${email} is changed; other logins of this user have ended\n`,
  )
  return exitCodes.complete
}

async function readPasswords({
  input,
}: CommandContext): Promise<{ password: string; new_password: string }> {
  if (!input.canAsk) {
    const [password, newPassword, ...rest] = (await input.readAll()).trimEnd().split(/\r?\n/)
    if (password !== undefined && newPassword !== undefined && rest.length === 0)
      return { password, new_password: newPassword }
    throw usageError(
      'Standard input does not have two lines',
      'Write the current password and the new one, each on its own line.',
    )
  }
  const password = await input.askSecret('Current password (not shown): ')
  const newPassword = await input.askSecret('New password, at least 12 characters (not shown): ')
  const again = await input.askSecret('The new password again: ')
  if (again === newPassword) return { password, new_password: newPassword }
  throw usageError('The two new passwords are different', 'Run the command again.')
}
