import { pino, type Logger } from 'pino'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { EmbeddedLoginService } from '../../service/logins/embedded-logins.ts'
import { LoginLimits } from '../../service/logins/login-limits.ts'
import { PasswordHasher } from '../../service/users/password-hash.ts'
import { SigningKey } from '../../service/logins/signing-key.ts'
import { EmbeddedUserService } from '../../service/users/user-service.ts'
import type { Page, PageRequest } from '../../service/platform/lists.ts'
import type {
  AttemptCount,
  LoginAttemptStore,
  LoginCaller,
  LoginService,
} from '../../service/logins/contract.ts'
import type { User } from '../../service/users/schema.ts'
import type { KnownUser, NewUser, UserService, UserStore } from '../../service/users/contract.ts'
import type { StoredSecrets, Vault } from '../../service/platform/vault/vault.ts'

/** For tests: a hash takes no time. */
export const cheapCost = { n: 16, r: 1, p: 1 } as const

/** The real users and logins, on stores in memory, with a hash that costs nothing. */
export function memoryIdentity(
  options: {
    readonly logger?: Logger
    readonly now?: () => number
    readonly vault?: Vault
  } = {},
): {
  readonly users: UserService
  readonly logins: LoginService
} {
  const { logger = pino({ enabled: false }), now = Date.now, vault = new MemoryVault() } = options
  const store = new MemoryUsers()
  const hasher = new PasswordHasher(cheapCost)
  const limits = new LoginLimits(new MemoryLoginAttempts(now))
  const signingKey = new SigningKey(vault)
  return {
    users: new EmbeddedUserService(store, hasher),
    logins: new EmbeddedLoginService({
      users: store,
      hasher,
      limits,
      signingKey,
      logger,
      now,
    }),
  }
}

/** Who logs in, without an audit log. */
export function loginFrom(address = '127.0.0.1'): LoginCaller {
  return { address, record: () => Promise.resolve() }
}

class MemoryUsers implements UserStore {
  readonly #byEmail = new Map<string, KnownUser>()

  create({ id, email, role, passwordHash }: NewUser): Promise<User> {
    if (this.#byEmail.has(email)) {
      const details = { kind: 'user', name: email }
      return Promise.reject(new ConnectError('name_taken', { details }))
    }
    const createdAt = new Date().toISOString()
    const user: User = { id, email, role, createdAt, lastLoginAt: null }
    this.#byEmail.set(email, { user, passwordHash, tokenVersion: 1 })
    return Promise.resolve(user)
  }

  list({ limit = 50, cursor = '' }: PageRequest): Promise<Page<User>> {
    const sorted = [...this.#byEmail.values()]
      .map(({ user }) => user)
      .toSorted((a, b) => (a.email < b.email ? -1 : 1))
      .filter(({ email }) => email > cursor)
    const items = sorted.slice(0, limit)
    return Promise.resolve({
      items,
      next: sorted.length > limit ? (items.at(-1)?.email ?? null) : null,
    })
  }

  async setRole(email: string, role: User['role']): Promise<User> {
    const known = await this.#existing(email)
    const user = { ...known.user, role }
    this.#byEmail.set(email, { ...known, user })
    return user
  }

  async setPassword(email: string, passwordHash: string): Promise<KnownUser> {
    const known = await this.#existing(email)
    const changed = { ...known, passwordHash, tokenVersion: known.tokenVersion + 1 }
    this.#byEmail.set(email, changed)
    return changed
  }

  async delete(email: string): Promise<void> {
    await this.#existing(email)
    this.#byEmail.delete(email)
  }

  find(id: string): Promise<KnownUser | null> {
    const found = [...this.#byEmail.values()].find(({ user }) => user.id === id)
    return Promise.resolve(found ?? null)
  }

  findByEmail(email: string): Promise<KnownUser | null> {
    return Promise.resolve(this.#byEmail.get(email) ?? null)
  }

  async noteLogin({ user, tokenVersion }: KnownUser, passwordHash?: string): Promise<void> {
    const known = await this.find(user.id)
    if (known?.tokenVersion !== tokenVersion) return
    this.#byEmail.set(user.email, {
      ...known,
      user: { ...known.user, lastLoginAt: new Date().toISOString() },
      passwordHash: passwordHash ?? known.passwordHash,
    })
  }

  async endLogins(id: string): Promise<void> {
    const known = await this.find(id)
    if (known !== null)
      this.#byEmail.set(known.user.email, { ...known, tokenVersion: known.tokenVersion + 1 })
  }

  #existing(email: string): Promise<KnownUser> {
    const known = this.#byEmail.get(email)
    return known === undefined
      ? Promise.reject(new ConnectError('user_not_found', { details: { email } }))
      : Promise.resolve(known)
  }
}

class MemoryLoginAttempts implements LoginAttemptStore {
  readonly #counts = new Map<string, { attempts: number; endsAtMs: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  count(subjects: readonly string[], windowMs: number): Promise<readonly AttemptCount[]> {
    const nowMs = this.#now()
    return Promise.resolve(
      subjects.map((subject) => {
        const kept = this.#counts.get(subject)
        const isOver = kept === undefined || kept.endsAtMs <= nowMs
        const count = isOver
          ? { attempts: 1, endsAtMs: nowMs + windowMs }
          : { attempts: kept.attempts + 1, endsAtMs: kept.endsAtMs }
        this.#counts.set(subject, count)
        return { subject, attempts: count.attempts, endsInMs: count.endsAtMs - nowMs }
      }),
    )
  }

  giveBack(subjects: readonly string[]): Promise<void> {
    for (const subject of subjects) {
      const kept = this.#counts.get(subject)
      if (kept !== undefined) kept.attempts -= 1
    }
    return Promise.resolve()
  }
}

class MemoryVault implements Vault {
  readonly #kept = new Map<string, StoredSecrets>()

  get(path: string): Promise<StoredSecrets | null> {
    return Promise.resolve(this.#kept.get(path) ?? null)
  }

  put(path: string, secrets: JsonObject, options: { ifVersion?: number } = {}): Promise<number> {
    const version = this.#kept.get(path)?.version ?? 0
    if (options.ifVersion !== undefined && options.ifVersion !== version)
      return Promise.reject(new ConnectError('vault_conflict', { details: { path } }))
    this.#kept.set(path, { secrets, version: version + 1 })
    return Promise.resolve(version + 1)
  }

  delete(path: string): Promise<void> {
    this.#kept.delete(path)
    return Promise.resolve()
  }

  check(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
