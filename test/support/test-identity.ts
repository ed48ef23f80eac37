import type { LoginCaller } from '../../service/logins/contract.ts'
import { openIdentity, type IdentityOptions } from '../../service/logins/open-identity.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'

/** For tests: a hash takes no time. */
export const cheapCost = { n: 16, r: 1, p: 1 } as const

export type TestIdentity = ReturnType<typeof openIdentity>

/** The users and logins of the store, whose hashes take no time. */
export function testIdentity(
  options: Pick<IdentityOptions, 'store' | 'vault' | 'logger'> & { readonly now?: () => number },
): TestIdentity {
  const { store, vault, logger, now = Date.now } = options
  const settings = loadSettings({ environment: {} })
  return openIdentity({ settings, store, vault, logger, hashCost: cheapCost, now })
}

/** Returns the caller of a login, without an audit log. */
export function loginFrom(address = '127.0.0.1'): LoginCaller {
  return { address, record: () => Promise.resolve() }
}
