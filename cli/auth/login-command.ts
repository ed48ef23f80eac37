import {
  loginDocument,
  loginPlaceDocument,
  principalDocument,
} from '../../service/logins/schema.ts'
import { ApiClient } from '../client/api-client.ts'
import { apiPath } from '../client/api-path.ts'
import { checkedService } from '../client/find-service.ts'
import { keepLogin, loginFile, type StoredLogin } from '../client/login-file.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { plainText } from '../output/plain-text.ts'
import { askIdentity, type IssuedLogin } from './ask-identity.ts'
import { isEncrypted } from './is-encrypted.ts'
import { readPassword, type PasswordFlags } from './read-password.ts'
import { usageError } from '../usage-error.ts'

export interface LoginFlags extends PasswordFlags {
  readonly key?: string
}

/** Stores a login that the service accepts: of a user, or without an e-mail an API key. */
export async function login(
  context: CommandContext,
  email: string | undefined,
  flags: LoginFlags,
): Promise<number> {
  return email === undefined ? keepKey(context, flags) : loginUser(context, email, flags)
}

async function loginUser(
  context: CommandContext,
  email: string,
  flags: LoginFlags,
): Promise<number> {
  if (flags.key !== undefined)
    throw usageError('--key is for a login without an EMAIL', 'Leave --key or EMAIL out.')
  const { client } = context
  const place = await client.ask({ method: 'GET', path: apiPath('auth') }, loginPlaceDocument)
  const { login_url: identityUrl, audience } = place.document
  warnOfPlainHttp(context, identityUrl ?? client.url)
  const password = await readPassword(context, flags, 'Password (not shown): ')
  const issued =
    identityUrl === null
      ? await loginHere(client, { email, password })
      : await askIdentity(identityUrl, { email, password, audience }, context.signal)
  const { kind, name } = await principalOf(context, issued.token)
  const { url } = client
  await keep(context, {
    url,
    key: issued.token,
    user: { email, expiresAt: issued.expiresAt },
  })
  const result = { url, name, kind, expires_at: issued.expiresAt, file: fileOf(context) }
  await showResult(
    context.output,
    result,
    () =>
      `logged in to ${url} as ${name} (${kind}) until ${formatTime(issued.expiresAt)}; stored in ${result.file}\n`,
  )
  return exitCodes.complete
}

async function loginHere(
  client: ApiClient,
  body: { readonly email: string; readonly password: string },
): Promise<IssuedLogin> {
  const path = apiPath('auth', 'login')
  const { document } = await client.ask({ method: 'POST', path, body }, loginDocument)
  return { token: document.token, expiresAt: document.expires_at }
}

/** Stores a key that the service accepts. */
async function keepKey(context: CommandContext, flags: LoginFlags): Promise<number> {
  if (flags.password !== undefined || flags.passwordStdin !== undefined)
    throw usageError('A password needs a user', 'Run `reactor auth login EMAIL`.')
  const { client, input, output } = context
  const apiKey =
    flags.key ??
    (input.canAsk ? await input.askSecret('API key (not shown): ') : await input.readAll())
  const { url, key } = checkedService({ url: client.url, key: apiKey.trim() })
  await principalOf(context, key)
  await keep(context, { url, key })
  const file = fileOf(context)
  await showResult(output, { url, file }, () => `the key for ${url} is stored in ${file}\n`)
  return exitCodes.complete
}

/** The principal of a key or token. */
async function principalOf(
  { client, signal }: CommandContext,
  key: string,
): Promise<{ readonly kind: string; readonly name: string }> {
  const path = apiPath('auth', 'whoami')
  const known = new ApiClient(checkedService({ url: client.url, key }), signal)
  const { document } = await known.ask({ method: 'GET', path }, principalDocument)
  return { kind: document.kind, name: plainText(document.name) }
}

async function keep(context: CommandContext, login: StoredLogin): Promise<void> {
  await keepLogin(fileOf(context), login)
  warnOfKey(context)
}

/** Commands use the key of the environment, if there is one. */
function warnOfKey({ output, environment }: CommandContext): void {
  if ((environment.REACTOR_CONNECT_API_KEY ?? '') !== '')
    output.screen.line(
      `${output.paint('yellow', 'warning:')} REACTOR_CONNECT_API_KEY is set, and takes precedence over this login`,
    )
}

function fileOf({ environment }: CommandContext): string {
  return loginFile(environment)
}

function warnOfPlainHttp({ output }: CommandContext, url: string): void {
  if (!isEncrypted(url))
    output.screen.line(
      `${output.paint('yellow', 'warning:')} the password is sent to ${url} without encryption; others on the network can read it`,
    )
}
