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

/** Issuer and audience of the service's own tokens: only the key distinguishes the tokens of two services. */
const ISSUER = 'reactor-connect'
const lifetimeMs = 12 * 3_600_000
/** How often the user's logins had been ended when the token was issued. */
const versionClaim = 'token_version'

/** Logins of the users in the metadata database, with tokens that the service signs itself. */
export class EmbeddedLoginService implements LoginService {
  readonly place = { kind: 'embedded' } as const
  readonly #options: EmbeddedLoginOptions
  readonly #verifier: TokenVerifier

  constructor(options: EmbeddedLoginOptions) {
    this.#options = options
    const { logger } = options
    this.#verifier = new TokenVerifier({
      issuer: ISSUER,
      audience: ISSUER,
      algorithms: ['EdDSA'],
      logger,
      keyOf: async (header, token) => {
        const { keyOf } = await this.#pair()
        return keyOf(header, token)
      },
      now: () => options.now(),
    })
  }

  async login({ email, password }: LoginInput, caller: LoginCaller): Promise<Login> {
    const { users, logger } = this.#options
    const name = email.trim().toLowerCase()
    const attempt = { email: name, address: caller.address }
    const known = await this.#limitAttempts(attempt, async () => {
      const stored = await users.findByEmail(name)
      const checked = await this.#checkPassword(stored, password)
      if (checked !== null) return checked
      await caller.record({ state: 'refused', user: stored?.user ?? null })
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
    const { users, hasher, logger } = this.#options
    const { user } = await this.#userOf(principal)
    await this.#limitAttempts({ email: user.email, address }, async () => {
      const checked = await this.#checkPassword(await users.find(user.id), password)
      if (checked === null) throw new ConnectError('login_refused')
    })
    const changed = await users.setPassword(user.email, await hasher.hash(newPassword))
    logger.info({ user: user.id }, 'a user has changed the password')
    return this.#loginOf(changed)
  }

  async logout(principal: Principal): Promise<void> {
    const { user } = await this.#userOf(principal)
    await this.#options.users.endLogins(user.id)
    this.#options.logger.info({ user: user.id }, 'all logins of a user were ended')
  }

  async keySet(): Promise<KeySet> {
    const { publicJwk } = await this.#pair()
    return { keys: [publicJwk] }
  }

  async authenticate(token: string): Promise<Principal | null> {
    const claims = await this.#verifier.verify(token)
    if (claims === null) return null
    const known = await this.#options.users.find(claims.sub)
    if (known === null) return this.#verifier.refuse('its user has been deleted')
    if (claims[versionClaim] !== known.tokenVersion)
      return this.#verifier.refuse('the logins of its user have been ended')
    const { id, email, role } = known.user
    return { kind: role, id, name: email, via: 'jwt', scopes: null }
  }

  /** Throws `login_throttled`, `login_refused`. */
  async #limitAttempts<Result>(attempt: Attempt, work: () => Promise<Result>): Promise<Result> {
    const secret = (await this.#pair()).secretFor('login attempts')
    const succeeded = await this.#options.limits.begin(attempt, secret)
    const result = await work()
    await succeeded()
    return result
  }

  /** The user if the password is right; else null, whether there is such a user or not, in the same time. */
  async #checkPassword(known: KnownUser | null, password: string): Promise<KnownUser | null> {
    const { users, hasher, logger } = this.#options
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
    const nowMs = this.#options.now()
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

  /** Callers may be unknown, so the error does not say where the vault is. */
  async #pair(): Promise<SigningKeyPair> {
    const { signingKey, logger } = this.#options
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
    const known = via === 'jwt' ? await this.#options.users.find(id) : null
    if (known === null) throw new ConnectError('login_required')
    return known
  }
}
