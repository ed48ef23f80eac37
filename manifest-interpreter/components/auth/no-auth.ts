import { authentication } from './authentication.ts'
import type { Authenticator } from '../../contracts.ts'

/** NoAuth: adds nothing. */
export function noAuth(): Authenticator {
  return {
    options: () => Promise.resolve(authentication()),
    authenticate: () => Promise.resolve(),
  }
}
