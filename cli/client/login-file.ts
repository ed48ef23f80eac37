import { mkdir, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../plan/environment.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { replaceFile } from '../../lib/files/replace-file.ts'

const keyLogin = z.object({ url: z.string(), api_key: z.string() })
const userLogin = z.object({
  url: z.string(),
  token: z.string(),
  email: z.string(),
  expires_at: z.iso.datetime({ offset: true }),
})
const loginsSchema = z.object({ logins: z.array(z.union([userLogin, keyLogin])) })
/** The format before users could log in: one key. */
const oneKeySchema = keyLogin.transform((login) => ({ logins: [login] }))

/** The login that `reactor auth login` stores for later commands. */
export interface StoredLogin {
  readonly url: string
  /** An API key, or the token of a user. */
  readonly key: string
  /** Only for the login of a user. */
  readonly user?: {
    readonly email: string
    /** ISO 8601. */
    readonly expiresAt: string
  }
}

/** `$XDG_CONFIG_HOME/reactor/login.json`, else in `~/.config`. */
export function loginFile(environment: Environment): string {
  const { XDG_CONFIG_HOME: config = '', HOME: home = '' } = environment
  const folder = config === '' ? join(home === '' ? homedir() : home, '.config') : config
  return join(folder, 'reactor', 'login.json')
}

/**
 * Stores a login in place of an earlier one for that service, as the last one. Durable when it resolves; only
 * the user can read it. Throws `usage` for a file that is broken.
 */
export async function keepLogin(file: string, login: StoredLogin): Promise<void> {
  const others = (await readLogins(file)).filter(({ url }) => url !== login.url)
  await write(file, [login, ...others])
}

/**
 * The last one first; none if there is no file. Throws `usage` for a file that is broken, or is not this
 * user's.
 */
export async function readLogins(file: string): Promise<readonly StoredLogin[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return []
    throw unusableFileError(file, error)
  }
  try {
    const { logins } = z.union([loginsSchema, oneKeySchema]).parse(JSON.parse(text))
    return logins.map((login) =>
      'api_key' in login
        ? { url: login.url, key: login.api_key }
        : {
            url: login.url,
            key: login.token,
            user: { email: login.email, expiresAt: login.expires_at },
          },
    )
  } catch (error) {
    const problem = `${file} is not what \`reactor auth login\` writes`
    const fix = 'Run `reactor auth logout`, then `reactor auth login` again.'
    throw new ConnectError('usage', { details: { problem, fix }, cause: error })
  }
}

/** Forgets the login for one service. True if there was one. */
export async function removeLogin(file: string, url: string): Promise<boolean> {
  const logins = await readLogins(file)
  const others = logins.filter((login) => login.url !== url)
  if (others.length === logins.length) return false
  if (others.length === 0) return removeLogins(file)
  await write(file, others)
  return true
}

/** Forgets all, also if the file is broken. True if there was a file. */
export async function removeLogins(file: string): Promise<boolean> {
  try {
    await rm(file)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw unusableFileError(file, error)
  }
}

async function write(file: string, logins: readonly StoredLogin[]): Promise<void> {
  const document = {
    logins: logins.map(({ url, key, user }) =>
      user === undefined
        ? { url, api_key: key }
        : { url, email: user.email, expires_at: user.expiresAt, token: key },
    ),
  }
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await replaceFile(file, `${JSON.stringify(document, null, 2)}\n`)
  } catch (error) {
    throw unusableFileError(file, error)
  }
}

function unusableFileError(file: string, cause: unknown): unknown {
  const code = errorCodeOf(cause)
  if (code === undefined) return cause
  const problem = `${file}, which stores logins, cannot be used (${code})`
  const fix =
    'Give this user access to it and its folder, and free space on its disk; or name the service with `REACTOR_CONNECT_URL` and `REACTOR_CONNECT_API_KEY`.'
  return new ConnectError('usage', { details: { problem, fix }, cause })
}

function isMissing(error: unknown): boolean {
  return errorCodeOf(error) === 'ENOENT' || errorCodeOf(error) === 'ENOTDIR'
}
