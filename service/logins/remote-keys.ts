import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { fetchKeySet, keySetProblem } from './key-set.ts'

export interface RemoteKeysOptions {
  /** https, or loopback. */
  readonly url: string
  readonly logger: Logger
  now(): number
  /** How long keys are trusted that were read. Default 10 minutes. */
  readonly maxAgeMs?: number
  /** After a reading, an unknown key does not cause another for this long. Default 30 s. */
  readonly cooldownMs?: number
}

/** After a reading that failed, none is tried for this long. */
const retryAfterMs = 2_000

/**
 * The public keys of an issuer, from its key set (JWKS): read when they are first needed, when they are old, and when a token
 * names a key that is not among them. Finding a key throws `identity_unreachable` if the keys are needed and cannot be
 * read.
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
      // Whoever sent the token need not be known here: where the keys are is none of their business.
      throw new ConnectError('identity_unreachable', { cause: error })
    }
  }
}

/** Anybody can send tokens: they must not make us ask an issuer that is in trouble, or log, again and again. */
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
