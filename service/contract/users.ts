import type { PrincipalKind } from '../access/principal.ts'
import type { Page, PageRequest } from './lists.ts'

/** A person who logs in here, with e-mail and password: where no Identity service is configured. */
export interface User {
  readonly id: string
  /** In small letters; unique. */
  readonly email: string
  readonly role: PrincipalKind
  readonly createdAt: string
  readonly lastLoginAt: string | null
}

export interface UserInput {
  readonly email: string
  readonly role: PrincipalKind
  /** Absent: one is made. */
  readonly password?: string
}

/** The password is shown once: only its hash is kept. */
export interface WithPassword {
  readonly user: User
  readonly password: string
}

/** Every method throws `identity_external` where an Identity service knows the users. E-mails come in small letters. */
export interface UserService {
  /** Throws `name_taken`. */
  create(input: UserInput): Promise<WithPassword>
  /** Throws `user_not_found`. */
  get(email: string): Promise<User>
  /** By e-mail, ascending. */
  list(page: PageRequest): Promise<Page<User>>
  /** Holds from the next request on, also for tokens that exist. Throws `user_not_found`. */
  setRole(email: string, role: PrincipalKind): Promise<User>
  /** Ends the user's logins. Without a password one is made. Throws `user_not_found`. */
  resetPassword(email: string, password?: string): Promise<WithPassword>
  /** Ends the user's logins. Throws `user_not_found`. */
  delete(email: string): Promise<void>
}
