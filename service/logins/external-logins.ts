import type { JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import { type Principal, type PrincipalKind, principalKinds } from '../platform/access/principal.ts'
import type { LoginService } from './contract.ts'
import { identityExternal } from '../users/no-users.ts'
import { publicKeyAlgorithms, TokenVerifier, type VerifiedClaims } from './token-verifier.ts'
import { ConnectError } from '../../protocol/index.ts'

export interface ExternalIdentity {
  /** Of the Identity service, without a slash at its end: logins go to `/auth/login` below it. */
  readonly url: string
  readonly issuer: string
  readonly audience: string
  readonly roleClaim: string
  readonly keyOf: JWTVerifyGetKey
  readonly logger: Logger
  now(): number
}

/** Users of an Identity service: their tokens are checked here, everything else about them is done there. */
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
    return Promise.reject(this.#elsewhere())
  }

  changePassword(): Promise<never> {
    return Promise.reject(this.#elsewhere())
  }

  logout(): Promise<never> {
    return Promise.reject(this.#elsewhere())
  }

  /** None: nothing is signed here. */
  keySet(): Promise<{ readonly keys: readonly [] }> {
    return Promise.resolve({ keys: [] })
  }

  async authenticate(token: string): Promise<Principal | null> {
    const claims = await this.#verifier.verify(token)
    return claims === null ? null : principalOfClaims(claims, this.#identity.roleClaim)
  }

  #elsewhere(): ConnectError {
    return identityExternal(this.#identity.url)
  }
}

const maxNameLength = 200

/** Whom the claims of an Identity service's token speak of. Throws `role_missing`, a refusal, where they give no kind. */
function principalOfClaims(claims: VerifiedClaims, roleClaim: string): Principal {
  const kind = kindOf(claims[roleClaim])
  if (kind === undefined) throw new ConnectError('role_missing', { details: { claim: roleClaim } })
  return { kind, id: `user:${claims.sub}`, name: nameOf(claims), via: 'jwt', scopes: null }
}

/** A name of a kind, or a list (a user's groups) with the name of one kind in it. Of several none is taken: which was meant? */
function kindOf(role: unknown): PrincipalKind | undefined {
  const roles: readonly unknown[] = Array.isArray(role) ? role : [role]
  const kinds = principalKinds.filter((kind) => roles.includes(kind))
  return kinds.length === 1 ? kinds[0] : undefined
}

/** For people, from what OpenID Connect calls so; it may be anything, so it is cut and cleaned. */
function nameOf({ sub, email, preferred_username: username, name }: VerifiedClaims): string {
  const given = [email, username, name].find((text) => typeof text === 'string' && text !== '')
  const text = typeof given === 'string' ? given : sub
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').slice(0, maxNameLength)
}
