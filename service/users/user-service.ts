import { randomBytes } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import type { PrincipalKind } from '../platform/access/principal.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { User, UserDetails, UserWithPassword } from './schema.ts'
import type { UserService, UserStore } from './contract.ts'
import { newId } from '../platform/database/ids.ts'
import type { PasswordHasher } from './password-hash.ts'

/** `UserService` of the embedded identity. */
export class EmbeddedUserService implements UserService {
  readonly #store: UserStore
  readonly #hasher: PasswordHasher

  constructor(store: UserStore, hasher: PasswordHasher) {
    this.#store = store
    this.#hasher = hasher
  }

  async create({ email, role, password = newPassword() }: UserDetails): Promise<UserWithPassword> {
    const passwordHash = await this.#hasher.hash(password)
    const id = newId('usr')
    return { ...(await this.#store.create({ id, email, role, passwordHash })), password }
  }

  async get(email: string): Promise<User> {
    const known = await this.#store.findByEmail(email)
    if (known !== null) return known.user
    throw new ConnectError('user_not_found', { details: { email } })
  }

  list(page: PageRequest): Promise<Page<User>> {
    return this.#store.list(page)
  }

  setRole(email: string, role: PrincipalKind): Promise<User> {
    return this.#store.setRole(email, role)
  }

  async resetPassword(email: string, password = newPassword()): Promise<UserWithPassword> {
    const { user } = await this.#store.setPassword(email, await this.#hasher.hash(password))
    return { ...user, password }
  }

  delete(email: string): Promise<void> {
    return this.#store.delete(email)
  }
}

/** 120 random bits that can be copied and typed. */
function newPassword(): string {
  return randomBytes(15).toString('base64url')
}
