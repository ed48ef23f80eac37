import { ConnectError } from '../../protocol/index.ts'
import type { UserService } from './contract.ts'

/** Where an Identity service knows the users, none are kept here: every method throws `identity_external`. */
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
