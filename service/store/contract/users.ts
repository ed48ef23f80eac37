import type { Page, PageRequest } from '../../contract/lists.ts'
import type { User } from '../../contract/users.ts'

/** Users of the embedded identity. E-mails come in small letters. */
export interface UserStore {
  /** Throws `name_taken`. */
  create(input: NewUser): Promise<User>
  /** By e-mail, ascending. */
  list(page: PageRequest): Promise<Page<User>>
  /** Throws `user_not_found`. */
  setRole(email: string, role: User['role']): Promise<User>
  /** Ends the user's logins too. Throws `user_not_found`. */
  setPassword(email: string, passwordHash: string): Promise<KnownUser>
  /** Throws `user_not_found`. */
  delete(email: string): Promise<void>
  find(id: string): Promise<KnownUser | null>
  findByEmail(email: string): Promise<KnownUser | null>
  /** Notes the time, and the same password hashed anew where it is given; nothing where the password has changed since. */
  noteLogin(known: KnownUser, passwordHash?: string): Promise<void>
  /** Tokens that were made until now hold no more. */
  endLogins(id: string): Promise<void>
}

export interface NewUser {
  readonly id: string
  readonly email: string
  readonly role: User['role']
  readonly passwordHash: string
}

export interface KnownUser {
  readonly user: User
  readonly passwordHash: string
  /** How often the logins of the user have been ended: a token of another number does not hold. */
  readonly tokenVersion: number
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
