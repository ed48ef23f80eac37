import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { fetchKeySet, keySetProblem } from './key-set.ts'

export interface RemoteKeysOptions {
  /** https, or loopback. */
  readonly url: string
  readonly logger: Logger
  now(): number
  /** How long keys are trusted after they were read. Default 10 minutes. */
  readonly maxAgeMs?: number
  /** After a reading, an unknown key does not cause another for this long. Default 30 s. */
  readonly cooldownMs?: number
}

/** After a failed read, there is no further attempt for this long. */
const retryAfterMs = 2_000

/**
 * The public keys of an issuer, from its key set (JWKS): read on first use, when they are old, and when a
 * token names an unknown key. Finding a key throws `identity_unreachable` if the keys are needed and cannot
 * be read.
 */
export function remoteKeys(options: RemoteKeysOptions): JWTVerifyGetKey {
  const { url, maxAgeMs = 600_000, cooldownMs = 30_000 } = options
  const keys = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    [customFetch]: sparingFetch(options),
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isAboutTheToken(error)) throw error
      // The sender of the token may be unknown, so the error does not say where the keys are.
      throw new ConnectError('identity_unreachable', { cause: error })
    }
  }
}

/**
 * Anybody can send tokens: they must not cause repeated requests to a failing issuer, or repeated log lines.
 */
function sparingFetch(options: RemoteKeysOptions): typeof fetch {
  const { url, logger } = options
  let failed: { readonly error: unknown; readonly untilMs: number } | undefined
  return async () => {
    if (failed !== undefined && options.now() < failed.untilMs) throw failed.error
    try {
      return Response.json(await fetchKeySet(url))
    } catch (error) {
      failed = { error, untilMs: options.now() + retryAfterMs }
      const reason = keySetProblem(error)
      logger.warn({ jwks: url, reason }, 'the keys of the Identity service could not be read')
      throw error
    }
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
  )
}
