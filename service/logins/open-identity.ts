import type { Logger } from 'pino'
import type { Settings } from '../platform/config/settings.ts'
import type { LoginAttemptStore, LoginService } from './contract.ts'
import type { UserService, UserStore } from '../users/contract.ts'
import type { Vault } from '../platform/vault/vault.ts'
import { EmbeddedLoginService } from './embedded-logins.ts'
import { ExternalLoginService } from './external-logins.ts'
import { keySetUrl } from './key-set.ts'
import { LoginLimits } from './login-limits.ts'
import { noUsers } from '../users/no-users.ts'
import { PasswordHasher, type HashCost } from '../users/password-hash.ts'
import { remoteKeys } from './remote-keys.ts'
import { SigningKey } from './signing-key.ts'
import { EmbeddedUserService } from '../users/user-service.ts'

export interface IdentityOptions {
  readonly settings: Pick<
    Settings,
    'identityUrl' | 'identityIssuer' | 'identityAudience' | 'identityJwksUrl' | 'identityRoleClaim'
  >
  readonly store: { readonly users: UserStore; readonly loginAttempts: LoginAttemptStore }
  readonly vault: Vault
  readonly logger: Logger
  /** The cost of password hashes. Default: as slow as is advised today. */
  readonly hashCost?: HashCost
  now(): number
}

/** Users and logins: those of the Identity service in the settings, else those in the metadata database. */
export function openIdentity(options: IdentityOptions): {
  readonly users: UserService
  readonly logins: LoginService
} {
  const { settings, store, vault, logger } = options
  const now = (): number => options.now()
  const { identityUrl: url } = settings
  if (url === undefined) {
    const hasher = new PasswordHasher(options.hashCost)
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
  return {
    users: noUsers(url),
    logins: new ExternalLoginService({
      url,
      issuer: settings.identityIssuer ?? url,
      audience: settings.identityAudience,
      roleClaim: settings.identityRoleClaim,
      keyOf: remoteKeys({ url: keySetUrl(url, settings), logger, now }),
      logger,
      now,
    }),
  }
}
