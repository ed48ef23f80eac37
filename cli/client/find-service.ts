import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../plan/environment.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { readLocalService } from '../../service/serve/local-service-file.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import type { ServiceAddress } from './api-client.ts'
import { loginFile, readLogins, type StoredLogin } from './login-file.ts'
import { usageError } from '../usage-error.ts'

/** `--url` and `--key`. */
export interface ServiceFlags {
  readonly url?: string | undefined
  readonly key?: string | undefined
}

/** The address of a service on this machine that has left no file. */
const defaultUrl = 'http://127.0.0.1:8007'

/** An address, and how it was found. */
export interface ResolvedService extends ServiceAddress {
  readonly from: 'flag' | 'environment' | 'login' | 'local' | 'default'
  /** The user, if the key is the token of one. */
  readonly user?: StoredLogin['user']
}

/**
 * The service that a command uses: from the flags, else from the environment, else from the last login, else
 * the one on this machine. A key or token that was stored for one address is never sent to another. Throws
 * `usage`.
 */
export async function findService(
  flags: ServiceFlags,
  environment: Environment,
): Promise<ResolvedService> {
  const named = namedService(flags, environment)
  if (named?.key !== undefined) return checkAddress(named)
  const stored = await readStoredServices(environment, named !== undefined)
  if (named === undefined) {
    const service = (await firstRunning(stored)) ?? {
      url: defaultUrl,
      key: undefined,
      from: 'default' as const,
    }
    const key = givenKey(flags, environment)
    return checkAddress(key === undefined ? service : { url: service.url, from: service.from, key })
  }
  const { url, from } = checkAddress(named)
  const { key, user } = stored.find((candidate) => checkAddress(candidate).url === url) ?? {
    key: undefined,
  }
  return { url, from, key, ...(user !== undefined && { user }) }
}

/** A process on this machine responds at once. */
const patienceMs = 1_000

/** The first one; of several processes on this machine the first that responds, if one does. */
async function firstRunning(
  services: readonly ResolvedService[],
): Promise<ResolvedService | undefined> {
  const [first, second] = services
  if (first?.from !== 'local' || second === undefined) return first
  for (const service of services) if (await isRunning(service)) return service
  return first
}

/** Asked without a key. */
async function isRunning({ url }: ResolvedService): Promise<boolean> {
  const signal = AbortSignal.timeout(patienceMs)
  const response = await fetch(`${url}/healthz`, { signal, redirect: 'manual' }).catch(
    () => undefined, // nothing responds there
  )
  await response?.body?.cancel()
  return response?.ok === true
}

/** The service with its credentials. Throws `login_expired`. */
export function withValidLogin(service: ResolvedService, nowMs: number): ResolvedService {
  const { url, user } = service
  if (user === undefined || nowMs < Date.parse(user.expiresAt)) return service
  throw new ConnectError('login_expired', { details: { url, email: user.email } })
}

function namedService(flags: ServiceFlags, environment: Environment): ResolvedService | undefined {
  const key = givenKey(flags, environment)
  if (flags.url !== undefined) return { url: flags.url, key, from: 'flag' }
  const url = environment.REACTOR_CONNECT_URL ?? ''
  return url === '' ? undefined : { url, key, from: 'environment' }
}

function givenKey(flags: ServiceFlags, environment: Environment): string | undefined {
  const inEnvironment = environment.REACTOR_CONNECT_API_KEY ?? ''
  return flags.key ?? (inEnvironment === '' ? undefined : inEnvironment)
}

async function readStoredServices(
  environment: Environment,
  isNamed: boolean,
): Promise<readonly ResolvedService[]> {
  const logins = await readLogins(loginFile(environment))
  const { dataDir } = loadSettings({ environment })
  const local = await readLocalService(dataDir).catch((error: unknown) => {
    if (errorCodeOf(error) !== 'EACCES') throw error
    // A broken login of another user does not matter.
    if (isNamed || logins.length > 0) return undefined
    throw usageError(
      `The key of the service with the data folder ${dataDir} is for its user alone`,
      'Run the command as the user of the service, or give `--url` and `REACTOR_CONNECT_API_KEY`.',
    )
  })
  return [
    ...logins.map((login) => ({ ...login, from: 'login' as const })),
    ...(local === undefined
      ? []
      : [local.url, ...(local.otherUrls ?? [])].map((url) => {
          return { url, key: local.apiKey, from: 'local' as const }
        })),
  ]
}

function checkAddress<Address extends ServiceAddress>(address: Address): Address {
  return { ...address, ...checkedService(address) }
}

/** A valid address, without a slash at its end. Throws `usage`; a key is never quoted. */
export function checkedService<Key extends string | undefined>({
  url,
  key,
}: {
  readonly url: string
  readonly key: Key
}): { readonly url: string; readonly key: Key } {
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw usageError(
      `"${url}" is not the URL of a service`,
      'Write it as https://connect.example.com.',
    )
  if (parsed.username !== '' || parsed.password !== '')
    throw usageError(
      'The URL of the service holds a user or a password',
      'Leave it out, and set the key with `REACTOR_CONNECT_API_KEY`.',
    )
  if (key === '')
    throw usageError('The API key is empty', 'Give it as it was shown, or leave it out.')
  // A character that is not allowed in a header would be quoted in the error of fetch.
  if (key !== undefined && !/^[\x21-\x7e]{1,8192}$/.test(key))
    throw usageError(
      'The API key holds characters that no key has',
      'Copy it again, as it was shown.',
    )
  return { url: `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`, key }
}
