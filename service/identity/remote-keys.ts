import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { ConnectError, requestFailure } from '../../protocol/index.ts'
import { limitedText } from '../limited-text.ts'

export interface RemoteKeysOptions {
  /** https, or loopback. */
  readonly url: string
  readonly logger: Logger
  now(): number
  /** How long keys are trusted that were read. Default 10 minutes. */
  readonly maxAgeMs?: number
  /** After a reading, an unknown key does not cause another for this long. Default 30 s. */
  readonly cooldownMs?: number
  /** After a reading that failed, none is tried for this long. Default 2 s. */
  readonly retryAfterMs?: number
}

const TIMEOUT_MS = 5_000
const MAX_BYTES = 512 * 1024

/**
 * The public keys of an issuer, from its key set (JWKS): read when they are first needed, when they are old, and when a token
 * names a key that is not among them. Redirects are not followed. Finding a key throws `identity_unreachable` where the keys
 * are needed and cannot be read.
 */
export function remoteKeys(options: RemoteKeysOptions): JWTVerifyGetKey {
  const { url, maxAgeMs = 600_000, cooldownMs = 30_000 } = options
  const keys = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: keySetFetch(options),
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isAboutTheToken(error)) throw error
      options.logger.warn(
        { jwks: url, reason: reasonOf(error) },
        'the keys of the Identity service could not be read',
      )
      // Whoever sent the token need not be known here: where the keys are is none of their business.
      throw new ConnectError('identity_unreachable', { cause: error })
    }
  }
}

/** Anybody can send tokens: they must not make us ask an issuer that is in trouble again and again. */
function keySetFetch(options: RemoteKeysOptions): typeof fetch {
  const { retryAfterMs = 2_000 } = options
  let failed: { readonly error: unknown; readonly untilMs: number } | undefined
  return async (address, init) => {
    if (failed !== undefined && options.now() < failed.untilMs) throw failed.error
    try {
      return await readKeySet(await fetch(address, init))
    } catch (error) {
      failed = { error, untilMs: options.now() + retryAfterMs }
      throw error
    }
  }
}

async function readKeySet(response: Response): Promise<Response> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new TypeError(`it answers with status ${String(response.status)}`)
  }
  return new Response(await limitedText(response.body, MAX_BYTES))
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
  )
}

function reasonOf(error: unknown): string {
  return error instanceof errors.JWKSTimeout ? 'it did not answer in time' : requestFailure(error)
}
