import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'

/** Signatures with a public key. `none` and signatures with a shared secret (HS256) are never accepted. */
export const publicKeyAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
  /** Finds the key by the token's header. Throws `identity_unreachable` if the keys cannot be read. */
  readonly keyOf: JWTVerifyGetKey
  readonly logger: Logger
  now(): number
}

/** The claims of a verified token. */
export interface VerifiedClaims extends JWTPayload {
  readonly sub: string
}

/** How much the clocks of issuer and service may differ. */
const clockSkewSeconds = 30
/** OpenID Connect's limit; the subject becomes part of an id. */
const subjectPattern = /^[\x21-\x7e]{1,255}$/

/** Checks JWTs: signature, algorithm, issuer, audience, times, subject. */
export class TokenVerifier {
  readonly #rules: TokenRules

  constructor(rules: TokenRules) {
    this.#rules = rules
  }

  /**
   * Returns the claims; null for an invalid token. The log has the reason, the caller does not get it. Throws
   * `identity_unreachable`.
   */
  async verify(token: string): Promise<VerifiedClaims | null> {
    if (!isJwt(token)) return null
    const { issuer, audience, algorithms, keyOf } = this.#rules
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(this.#rules.now()),
        requiredClaims: ['exp', 'sub'],
      })
      const { sub } = payload
      if (typeof sub === 'string' && subjectPattern.test(sub)) return { ...payload, sub }
      return this.refuse('its subject is none of 1 to 255 ASCII characters')
    } catch (error) {
      if (error instanceof ConnectError) throw error
      return this.refuse(reasonOf(error))
    }
  }

  /**
   * Null, with the reason in the log. The reason has no part of the token: a reader of the log must not be
   * able to use it.
   */
  refuse(reason: string): null {
    this.#rules.logger.info({ reason }, 'a token was refused')
    return null
  }
}

function isJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)
}

/** The messages of jose name claims and algorithms, never values of the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `${error.code}: ${error.claim} ${error.reason}`
  if (error instanceof errors.JOSEError) return error.code
  // A key that cannot be used with the algorithm: too short, or of another curve.
  return error instanceof Error ? `${error.name}: the key does not fit` : 'the key does not fit'
}
