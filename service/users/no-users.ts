import { ConnectError } from '../../protocol/index.ts'
import type { UserService } from './contract.ts'

/** If an Identity service manages the users, there are none here: every method throws `identity_external`. */
export function noUsers(url: string): UserService {
  const refuse = (): Promise<never> => Promise.reject(identityExternal(url))
  return {
    create: refuse,
    get: refuse,
    list: refuse,
    setRole: refuse,
    resetPassword: refuse,
    delete: refuse,
  }
}

export function identityExternal(url: string): ConnectError {
  return new ConnectError('identity_external', { details: { url } })
}
