import { SignJWT } from 'jose'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Principal } from '../platform/access/principal.ts'
import type { KeySet, LoginCaller, LoginService } from './contract.ts'
import type { Login, LoginInput, PasswordChange } from './schema.ts'
import type { KnownUser, UserStore } from '../users/contract.ts'
import type { Attempt, LoginLimits } from './login-limits.ts'
import type { PasswordHasher } from '../users/password-hash.ts'
import type { SigningKey, SigningKeyPair } from './signing-key.ts'
import { TokenVerifier } from './token-verifier.ts'

export interface EmbeddedLoginOptions {
  readonly users: UserStore
  readonly hasher: PasswordHasher
  readonly limits: LoginLimits
  readonly signingKey: SigningKey
  readonly logger: Logger
  now(): number
}

/** Issuer and audience of the service's own tokens: the key alone tells one service's from another's. */
const ISSUER = 'reactor-connect'
const lifetimeMs = 12 * 3_600_000
/** How often the user's logins had been ended when the token was made. */
const versionClaim = 'token_version'

/** Logins of the users in the metadata database, with tokens that the service signs itself. */
export class EmbeddedLoginService implements LoginService {
  readonly place = { kind: 'embedded' } as const
  readonly #parts: EmbeddedLoginOptions
  readonly #verifier: TokenVerifier

  constructor(parts: EmbeddedLoginOptions) {
    this.#parts = parts
    const { logger } = parts
    this.#verifier = new TokenVerifier({
      issuer: ISSUER,
      audience: ISSUER,
      algorithms: ['EdDSA'],
      logger,
      keyOf: async (header, token) => {
        const { keyOf } = await this.#pair()
        return keyOf(header, token)
      },
      now: () => parts.now(),
    })
  }

  async login({ email, password }: LoginInput, caller: LoginCaller): Promise<Login> {
    const { users, logger } = this.#parts
    const name = email.trim().toLowerCase()
    const attempt = { email: name, address: caller.address }
    const known = await this.#limited(attempt, async () => {
      const found = await users.findByEmail(name)
      const checked = await this.#checked(found, password)
      if (checked !== null) return checked
      await caller.record({ state: 'refused', user: found?.user ?? null })
      throw new ConnectError('login_refused')
    }).catch(async (error: unknown) => {
      if (error instanceof ConnectError && error.code === 'login_throttled')
        await caller.record({ state: 'throttled', user: null })
      throw error
    })
    await caller.record({ state: 'succeeded', user: known.user })
    logger.info({ user: known.user.id }, 'a user has logged in')
    return this.#loginOf(known)
  }

  async changePassword(
    principal: Principal,
    { password, newPassword }: PasswordChange,
    address: string,
  ): Promise<Login> {
    const { users, hasher, logger } = this.#parts
    const { user } = await this.#userOf(principal)
    await this.#limited({ email: user.email, address }, async () => {
      const checked = await this.#checked(await users.find(user.id), password)
      if (checked === null) throw new ConnectError('login_refused')
    })
    const changed = await users.setPassword(user.email, await hasher.hash(newPassword))
    logger.info({ user: user.id }, 'a user has changed the password')
    return this.#loginOf(changed)
  }

  async logout(principal: Principal): Promise<void> {
    const { user } = await this.#userOf(principal)
    await this.#parts.users.endLogins(user.id)
    this.#parts.logger.info({ user: user.id }, 'all logins of a user were ended')
  }

  async keySet(): Promise<KeySet> {
    const { publicJwk } = await this.#pair()
    return { keys: [publicJwk] }
  }

  async authenticate(token: string): Promise<Principal | null> {
    const claims = await this.#verifier.verify(token)
    if (claims === null) return null
    const known = await this.#parts.users.find(claims.sub)
    if (known === null) return this.#verifier.refused('its user has been deleted')
    if (claims[versionClaim] !== known.tokenVersion)
      return this.#verifier.refused('the logins of its user have been ended')
    const { id, email, role } = known.user
    return { kind: role, id, name: email, via: 'jwt', scopes: null }
  }

  /** Throws `login_throttled`, `login_refused`. */
  async #limited<Result>(attempt: Attempt, work: () => Promise<Result>): Promise<Result> {
    const secret = (await this.#pair()).secretFor('login attempts')
    const succeeded = await this.#parts.limits.begin(attempt, secret)
    const result = await work()
    await succeeded()
    return result
  }

  /** The user, if it is the password; else null, whether there is such a user or not, in the same time. */
  async #checked(known: KnownUser | null, password: string): Promise<KnownUser | null> {
    const { users, hasher, logger } = this.#parts
    const isRight = await hasher.matches(password, known?.passwordHash ?? null)
    if (known === null || !isRight) {
      logger.info({ user: known?.user.id ?? null }, 'a login was refused')
      return null
    }
    const isOutdated = hasher.isOutdated(known.passwordHash)
    await users.noteLogin(known, isOutdated ? await hasher.hash(password) : undefined)
    return known
  }

  async #loginOf({ user, tokenVersion }: KnownUser): Promise<Login> {
    const { privateKey, publicJwk } = await this.#pair()
    const nowMs = this.#parts.now()
    const expiresAtMs = nowMs + lifetimeMs
    const token = await new SignJWT({ [versionClaim]: tokenVersion })
      .setProtectedHeader({ alg: 'EdDSA', kid: publicJwk.kid, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setSubject(user.id)
      .setIssuedAt(new Date(nowMs))
      .setExpirationTime(new Date(expiresAtMs))
      .sign(privateKey)
    return { token, expiresAt: new Date(expiresAtMs).toISOString(), user }
  }

  /** Whoever is here need not be known: where the vault is is none of their business. */
  async #pair(): Promise<SigningKeyPair> {
    const { signingKey, logger } = this.#parts
    try {
      return await signingKey.pair()
    } catch (cause) {
      const error = ConnectError.from(cause).toJSON()
      logger.warn({ error }, 'the key that logins are signed with could not be read')
      throw new ConnectError('identity_unreachable', { cause })
    }
  }

  /** Throws `login_required` for an API key. */
  async #userOf({ id, via }: Principal): Promise<KnownUser> {
    const known = via === 'jwt' ? await this.#parts.users.find(id) : null
    if (known === null) throw new ConnectError('login_required')
    return known
  }
}
