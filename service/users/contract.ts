import type { PrincipalKind } from '../platform/access/principal.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { User, UserDetails, UserWithPassword } from './schema.ts'

/**
 * Every method throws `identity_external` if an Identity service manages the users. E-mails must be in lower
 * case.
 */
export interface UserService {
  /** Throws `name_taken`. */
  create(input: UserDetails): Promise<UserWithPassword>
  /** Throws `user_not_found`. */
  get(email: string): Promise<User>
  /** By e-mail, ascending. */
  list(page: PageRequest): Promise<Page<User>>
  /** Takes effect at the next request, also for existing tokens. Throws `user_not_found`. */
  setRole(email: string, role: PrincipalKind): Promise<User>
  /** Ends the user's logins. Without a password, one is generated. Throws `user_not_found`. */
  resetPassword(email: string, password?: string): Promise<UserWithPassword>
  /** Ends the user's logins. Throws `user_not_found`. */
  delete(email: string): Promise<void>
}

/** Users of the embedded identity. E-mails must be in lower case. */
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
  /**
   * Notes the time, and a new hash of the same password if it is given; changes nothing if the password has
   * changed since.
   */
  noteLogin(known: KnownUser, passwordHash?: string): Promise<void>
  /** Existing tokens become invalid. */
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
  /** How often the logins of the user have been ended: a token with another number is invalid. */
  readonly tokenVersion: number
}
