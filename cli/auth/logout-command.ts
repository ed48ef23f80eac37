import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../plan/environment.ts'
import { ApiClient } from '../client/api-client.ts'
import { apiPath } from '../client/api-path.ts'
import { checkedService, findService } from '../client/find-service.ts'
import {
  loginFile,
  readLogins,
  removeLogin,
  removeLogins,
  type StoredLogin,
} from '../client/login-file.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { showFailure } from '../output/show-failure.ts'

export interface LogoutFlags {
  readonly json?: true
  readonly url?: string
  readonly local?: true
}

interface LogoutContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly signal: AbortSignal
}

/** Long enough for a distant service; what is stored here is forgotten in any case. */
const patienceMs = 10_000

/**
 * Ends the logins of users at their services, if these respond, and forgets what is stored: also a broken
 * file.
 */
export async function logout(flags: LogoutFlags, context: LogoutContext): Promise<number> {
  const { output, environment } = context
  const file = loginFile(environment)
  try {
    const url = flags.url === undefined ? undefined : serviceUrl(flags.url)
    const logins = (await readStoredLogins(file)).filter(
      (login) => url === undefined || login.url === url,
    )
    if (flags.local !== true) for (const login of logins) await endLogin(login, context)
    const removed = await (url === undefined ? removeLogins(file) : removeLogin(file, url))
    const text = removed ? `forgot ${describeForgotten(logins, file)}` : 'no login was stored'
    const next = await nextCaller(environment)
    await showResult(
      output,
      { removed, urls: logins.map((login) => login.url), next },
      () => `${text}\n${nextText(next)}`,
    )
    return exitCodes.complete
  } catch (error) {
    return showFailure(output, error)
  }
}

/** Returns none if the file is broken: it will be deleted. */
async function readStoredLogins(file: string): Promise<readonly StoredLogin[]> {
  try {
    return await readLogins(file)
  } catch (error) {
    if (error instanceof ConnectError) return []
    throw error
  }
}

/** An API key stays valid: programs may use it. */
async function endLogin(
  { url, key, user }: StoredLogin,
  { output, signal }: LogoutContext,
): Promise<void> {
  if (user === undefined || Date.parse(user.expiresAt) <= Date.now()) return
  const limit = AbortSignal.timeout(patienceMs)
  const client = new ApiClient({ url, key }, AbortSignal.any([signal, limit]))
  try {
    await client.tell({ method: 'POST', path: apiPath('auth', 'logout') })
  } catch (thrown) {
    const { code, message } = ConnectError.from(thrown)
    // It is no longer valid, or only the Identity service can end it.
    if (code === 'unauthorized' || code === 'identity_external') return
    output.screen.line(
      `${output.paint('yellow', 'warning:')} the login of ${user.email} at ${url} could not be ended (${message}); it is forgotten here, and stays valid until ${user.expiresAt}`,
    )
  }
}

/**
 * The credentials of the next command: a key of the environment, a remaining login, or the admin key of this
 * machine's service.
 */
interface NextCaller {
  readonly url: string
  readonly with: 'environment_key' | 'login' | 'machine_key'
}

/** Null if the next command has to log in, or cannot use any service. */
async function nextCaller(environment: Environment): Promise<NextCaller | null> {
  try {
    const { url, key, from } = await findService({}, environment)
    if (key === undefined) return null
    if ((environment.REACTOR_CONNECT_API_KEY ?? '') !== '') return { url, with: 'environment_key' }
    return { url, with: from === 'local' ? 'machine_key' : 'login' }
  } catch (error) {
    // The next command reports the error. What is forgotten stays forgotten.
    if (error instanceof ConnectError) return null
    throw error
  }
}

function nextText(next: NextCaller | null): string {
  if (next === null) return ''
  const { url } = next
  switch (next.with) {
    case 'machine_key':
      return `the next command uses ${url} with the admin key of this machine; \`reactor auth login EMAIL\` logs in again\n`
    case 'environment_key':
      return `the next command uses ${url} with the key in REACTOR_CONNECT_API_KEY\n`
    case 'login':
      return `the next command uses ${url} with the login that is stored for it\n`
  }
}

function serviceUrl(url: string): string {
  return checkedService({ url, key: undefined }).url
}

function describeForgotten(logins: readonly StoredLogin[], file: string): string {
  const urls = logins.map(({ url, user }) => (user === undefined ? url : `${user.email} at ${url}`))
  return urls.length === 0 ? file : urls.join(', ')
}
