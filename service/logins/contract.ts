import type { Authenticator, Principal } from '../platform/access/principal.ts'
import type { User } from '../users/schema.ts'
import type { Login, LoginInput, LoginPlace, PasswordChange } from './schema.ts'

/**
 * The result of a login attempt. Its user is for the audit log only: if the attempt was refused, the user
 * with the e-mail; null if there is none, or if there were too many attempts to look.
 */
export type LoginOutcome =
  | { readonly state: 'succeeded'; readonly user: User }
  | { readonly state: 'refused'; readonly user: User | null }
  | { readonly state: 'throttled'; readonly user: null }

export interface LoginCaller {
  /** Network address. */
  readonly address: string
  /**
   * Called once for each password attempt, before there is a token or `login` throws; if this fails, `login`
   * fails.
   */
  record(outcome: LoginOutcome): Promise<void>
}

/** A JSON Web Key Set. */
export interface KeySet {
  readonly keys: readonly { readonly kty: string; readonly kid: string }[]
}

/**
 * Tokens of users. Every method throws `identity_unreachable` if it needs keys that cannot be read;
 * `authenticate` throws `role_missing` for a valid token without a role. All methods except `authenticate`
 * and `keySet` throw `identity_external` if an Identity service manages the users.
 */
export interface LoginService extends Authenticator {
  readonly place: LoginPlace
  /**
   * Throws `login_refused`, with the same words and time if the e-mail is unknown, and `login_throttled`
   * after too many attempts.
   */
  login(input: LoginInput, caller: LoginCaller): Promise<Login>
  /**
   * Ends the user's logins and starts a new one. `address`: network address. Throws as `login` does, and
   * `login_required` for an API key.
   */
  changePassword(principal: Principal, change: PasswordChange, address: string): Promise<Login>
  /** Ends all logins of the user. Throws `login_required` for an API key. */
  logout(principal: Principal): Promise<void>
  /** Others can check tokens of this service with it; empty if it issues none. */
  keySet(): Promise<KeySet>
}

/** Counts login attempts by subject (a hash), each in its own window that starts with the first attempt. */
export interface LoginAttemptStore {
  /** Adds one to each count, in one step, and returns the counts. */
  count(subjects: readonly string[], windowMs: number): Promise<readonly AttemptCount[]>
  /** Subtracts one from each count: the attempt did not fail. */
  giveBack(subjects: readonly string[]): Promise<void>
}

export interface AttemptCount {
  readonly subject: string
  readonly attempts: number
  readonly endsInMs: number
}
