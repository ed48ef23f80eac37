import type { ConnectError } from '../../protocol/index.ts'
import type { JWTVerifyGetKey } from 'jose'
import type { Logger } from 'pino'
import type { Principal } from '../platform/access/principal.ts'
import type { LoginService } from './contract.ts'
import { principalOfClaims } from './claims.ts'
import { identityExternal } from '../users/no-users.ts'
import { publicKeyAlgorithms, TokenVerifier } from './token-verifier.ts'

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
