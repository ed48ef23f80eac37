import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { ApiClient } from '../client/api-client.ts'
import { isEncrypted } from './is-encrypted.ts'

/** A token, and when it expires (ISO 8601). */
export interface IssuedLogin {
  readonly token: string
  readonly expiresAt: string
}

const answerSchema = z.object({
  token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  expires_at: z.iso.datetime({ offset: true }),
})

/**
 * Logs in at an Identity service: docs/identity.md describes the request. Throws `login_refused`,
 * `login_throttled`, `usage` for an address where a password must not be sent, and what `ApiClient` throws.
 */
export async function askIdentity(
  loginUrl: string,
  body: {
    readonly email: string
    readonly password: string
    readonly audience: string | null
  },
  signal: AbortSignal,
): Promise<IssuedLogin> {
  const { origin, pathname: path } = checkLoginUrl(loginUrl)
  const client = new ApiClient({ url: origin, key: undefined }, signal)
  const request = { method: 'POST', path, body, isRead: true } as const
  const response = await client.exchange(request)
  const text = await client.textOf(response, request)
  if (response.status === 401 || response.status === 403) throw new ConnectError('login_refused')
  if (response.status === 429)
    throw new ConnectError('login_throttled', { details: { seconds: secondsOf(response) } })
  if (!response.ok) {
    const reason = `it responds with status ${response.status}`
    throw new ConnectError('service_answer_invalid', { details: { url: origin, reason } })
  }
  const { document } = client.parse(text, answerSchema)
  return { token: document.token, expiresAt: document.expires_at }
}

/** The service sets the address: it must not cause a password to be sent in clear over a network. */
function checkLoginUrl(loginUrl: string): URL {
  const url = URL.parse(loginUrl)
  if (url !== null && isEncrypted(loginUrl) && url.username === '') return url
  const problem = 'The service uses an unencrypted address for logins'
  const fix = 'Set its `identity.url` to an address that begins with https://.'
  throw new ConnectError('usage', { details: { problem, fix } })
}

function secondsOf({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? '')
  return Number.isInteger(seconds) && seconds > 0 ? seconds : 60
}
