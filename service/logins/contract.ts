import type { Authenticator, Principal } from '../platform/access/principal.ts'
import type { User } from '../users/schema.ts'
import type { Login, LoginInput, LoginPlace, PasswordChange } from './schema.ts'

/**
 * How a login ended. Its user, for the audit log alone: if it was refused, whoever has the e-mail; null if nobody has, or if it
 * was tried too often to look.
 */
export type LoginOutcome =
  | { readonly state: 'succeeded'; readonly user: User }
  | { readonly state: 'refused'; readonly user: User | null }
  | { readonly state: 'throttled'; readonly user: null }

export interface LoginCaller {
  /** Of the network. */
  readonly address: string
  /** Called once for each password that was given, before there is a token or `login` throws; if this fails, `login` does. */
  record(outcome: LoginOutcome): Promise<void>
}

/** A JSON Web Key Set. */
export interface KeySet {
  readonly keys: readonly { readonly kty: string; readonly kid: string }[]
}

/**
 * Tokens of users. Every method throws `identity_unreachable` if it needs keys that cannot be read; `authenticate`
 * throws `role_missing` for a token that holds but gives no role. Other methods than that and `keySet` throw `identity_external` if
 * an Identity service knows the users.
 */
export interface LoginService extends Authenticator {
  readonly place: LoginPlace
  /**
   * Throws `login_refused`, in the same words and time for an e-mail that is unknown, and `login_throttled` after too many
   * attempts.
   */
  login(input: LoginInput, caller: LoginCaller): Promise<Login>
  /** Ends the user's logins and begins a new one. `address`: of the network. Throws as `login` does, and `login_required` for an API key. */
  changePassword(principal: Principal, change: PasswordChange, address: string): Promise<Login>
  /** Ends all logins of the user. Throws `login_required` for an API key. */
  logout(principal: Principal): Promise<void>
  /** With which others can check tokens of this service; empty if it makes none. */
  keySet(): Promise<KeySet>
}

/** How often logins were tried, by subject (a hash), each in a window of its own that begins with the first. */
export interface LoginAttemptStore {
  /** Counts one more for each, in one step, and returns the counts with it. */
  count(subjects: readonly string[], windowMs: number): Promise<readonly AttemptCount[]>
  /** One less for each: the attempt was no failure. */
  giveBack(subjects: readonly string[]): Promise<void>
}

export interface AttemptCount {
  readonly subject: string
  readonly attempts: number
  readonly endsInMs: number
}
