import type { JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { type Principal, type PrincipalKind, principalKinds } from '../platform/access/principal.ts'
import type { LoginService } from './contract.ts'
import { identityExternal } from '../users/no-users.ts'
import { publicKeyAlgorithms, TokenVerifier, type VerifiedClaims } from './token-verifier.ts'
import { ConnectError } from '../../protocol/index.ts'

export interface ExternalIdentity {
  /** URL of the Identity service, without a slash at its end: logins go to `/auth/login` below it. */
  readonly url: string
  readonly issuer: string
  readonly audience: string
  readonly roleClaim: string
  readonly keyOf: JWTVerifyGetKey
  readonly logger: Logger
  now(): number
}

/**
 * Users of an Identity service: this service checks their tokens; the Identity service does everything else.
 */
export class ExternalLoginService implements LoginService {
  readonly place
  readonly #identity: ExternalIdentity
  readonly #verifier: TokenVerifier

  constructor(identity: ExternalIdentity) {
    const { url, audience } = identity
    this.place = { kind: 'external', loginUrl: `${url}/auth/login`, audience } as const
    this.#identity = identity
    this.#verifier = new TokenVerifier({
      ...identity,
      algorithms: publicKeyAlgorithms,
      now: () => identity.now(),
    })
  }

  login(): Promise<never> {
    return Promise.reject(this.#externalError())
  }

  changePassword(): Promise<never> {
    return Promise.reject(this.#externalError())
  }

  logout(): Promise<never> {
    return Promise.reject(this.#externalError())
  }

  /** No keys: this service signs nothing. */
  keySet(): Promise<{ readonly keys: readonly [] }> {
    return Promise.resolve({ keys: [] })
  }

  async authenticate(token: string): Promise<Principal | null> {
    const claims = await this.#verifier.verify(token)
    return claims === null ? null : principalOfClaims(claims, this.#identity.roleClaim)
  }

  #externalError(): ConnectError {
    return identityExternal(this.#identity.url)
  }
}

const maxNameLength = 200

/**
 * The principal of an Identity service's token, from its claims. Throws `role_missing`, a refusal, if they
 * have no role.
 */
function principalOfClaims(claims: VerifiedClaims, roleClaim: string): Principal {
  const kind = kindOf(claims[roleClaim])
  if (kind === undefined) throw new ConnectError('role_missing', { details: { claim: roleClaim } })
  return { kind, id: `user:${claims.sub}`, name: nameOf(claims), via: 'jwt', scopes: null }
}

/**
 * The name of a role, or a list (a user's groups) with one role in it. If there are several, none is used:
 * the intended one is not clear.
 */
function kindOf(role: unknown): PrincipalKind | undefined {
  const roles: readonly unknown[] = Array.isArray(role) ? role : [role]
  const kinds = principalKinds.filter((kind) => roles.includes(kind))
  return kinds.length === 1 ? kinds[0] : undefined
}

/** For people, from the names in OpenID Connect; it may be anything, so it is cut and cleaned. */
function nameOf({ sub, email, preferred_username: username, name }: VerifiedClaims): string {
  const claimed = [email, username, name].find((text) => typeof text === 'string' && text !== '')
  const text = typeof claimed === 'string' ? claimed : sub
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').slice(0, maxNameLength)
}
