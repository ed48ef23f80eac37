import type { PrincipalKind } from '../../service/platform/access/principal.ts'
import { userDocument, userWithPassword } from '../../service/users/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirmDeletion, type YesFlag } from '../client/confirm-deletion.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines } from '../output/list-lines.ts'
import { readPassword, type PasswordFlags } from './read-password.ts'

export interface AddUserFlags extends PasswordFlags {
  readonly role: PrincipalKind
}

/** A generated password is written alone to standard output, so that it can be piped. */
export async function addUser(
  context: CommandContext,
  email: string,
  flags: AddUserFlags,
): Promise<number> {
  const passwordInput = await givenPassword(context, flags)
  const { json, document } = await context.client.ask(
    { method: 'POST', path: apiPath('users'), body: { email, role: flags.role, ...passwordInput } },
    userWithPassword,
  )
  const what = `added ${document.email}, ${document.role}`
  return showUser(context, {
    json,
    what,
    made: isMade(passwordInput) ? document.password : undefined,
  })
}

export async function resetUser(
  context: CommandContext,
  email: string,
  flags: PasswordFlags,
): Promise<number> {
  const passwordInput = await givenPassword(context, flags)
  const path = apiPath('users', email, 'reset-password')
  const { json, document } = await context.client.ask(
    { method: 'POST', path, body: passwordInput },
    userWithPassword,
  )
  const what = `${document.email} has a new password; all logins have ended`
  return showUser(context, {
    json,
    what,
    made: isMade(passwordInput) ? document.password : undefined,
  })
}

export async function setUserRole(
  { client, output }: CommandContext,
  email: string,
  { role }: { readonly role: PrincipalKind },
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'PATCH', path: apiPath('users', email), body: { role } },
    userDocument,
  )
  await showResult(output, json, () => `${document.email} is now ${document.role}\n`)
  return exitCodes.complete
}

export async function listUsers(
  { client, output }: CommandContext,
  { limit }: { readonly limit?: number },
): Promise<number> {
  const listed = await listPages(client, { path: apiPath('users'), item: userDocument, limit })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['EMAIL', 'ROLE', 'CREATED', 'LAST LOGIN'],
      rows: listed.documents.map((user) => [
        user.email,
        user.role,
        formatTime(user.created_at),
        formatTime(user.last_login_at) || 'never',
      ]),
      columns: output.columns,
      dispensable: ['CREATED', 'LAST LOGIN'],
      empty: { what: 'users', next: 'reactor auth users add EMAIL --role viewer' },
    }),
  )
  return exitCodes.complete
}

export async function removeUser(
  context: CommandContext,
  email: string,
  flags: YesFlag,
): Promise<number> {
  const { client, output } = context
  if (!(await confirmDeletion(context, flags, `remove the user ${email}`))) return exitCodes.failed
  await client.tell({ method: 'DELETE', path: apiPath('users', email) })
  await showResult(output, { removed: email }, () => `removed ${email}\n`)
  return exitCodes.complete
}

/** Undefined if the service should generate one. */
async function givenPassword(
  context: CommandContext,
  flags: PasswordFlags,
): Promise<{ readonly password?: string }> {
  if (flags.password === undefined && flags.passwordStdin === undefined) return {}
  return { password: await readPassword(context, flags, '') }
}

function isMade({ password }: { readonly password?: string }): boolean {
  return password === undefined
}

async function showUser(
  { output }: CommandContext,
  {
    json,
    what,
    made,
  }: { readonly json: unknown; readonly what: string; readonly made: string | undefined },
): Promise<number> {
  if (!output.json)
    output.screen.line(made === undefined ? what : `${what}; the password is shown only once:`)
  await showResult(output, json, () => (made === undefined ? '' : `${made}\n`))
  return exitCodes.complete
}
