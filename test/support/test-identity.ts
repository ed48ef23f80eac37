import type { Logger } from 'pino'
import { EmbeddedLoginService } from '../../service/logins/embedded-logins.ts'
import { LoginLimits } from '../../service/logins/login-limits.ts'
import { SigningKey } from '../../service/logins/signing-key.ts'
import type { LoginCaller, LoginService } from '../../service/logins/contract.ts'
import type { Vault } from '../../service/platform/vault/vault.ts'
import type { Store } from '../../service/store/store.ts'
import type { UserService } from '../../service/users/contract.ts'
import { PasswordHasher } from '../../service/users/password-hash.ts'
import { EmbeddedUserService } from '../../service/users/user-service.ts'

/** For tests: a hash takes no time. */
export const cheapCost = { n: 16, r: 1, p: 1 } as const

export interface TestIdentity {
  readonly users: UserService
  readonly logins: LoginService
}

/** The users and logins of the store, as open-identity.ts makes them, except that a hash costs nothing. */
export function testIdentity(options: {
  readonly store: Pick<Store, 'users' | 'loginAttempts'>
  readonly vault: Vault
  readonly logger: Logger
  readonly now?: () => number
}): TestIdentity {
  const { store, vault, logger, now = Date.now } = options
  const hasher = new PasswordHasher(cheapCost)
  const limits = new LoginLimits(store.loginAttempts)
  const signingKey = new SigningKey(vault)
  return {
    users: new EmbeddedUserService(store.users, hasher),
    logins: new EmbeddedLoginService({
      users: store.users,
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
