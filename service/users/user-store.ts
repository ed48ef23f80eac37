import { ConnectError } from '../../protocol/index.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import { userSchema, type User } from './schema.ts'
import type { Database, Row } from '../platform/database/database.ts'
import { pageOf, pagePlace } from '../platform/database/page.ts'
import { columnsOf, resourceOf } from '../platform/database/rows.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { KnownUser, NewUser, UserStore } from './contract.ts'

interface UserRow extends Row {
  readonly email: string
}

interface KnownRow extends UserRow {
  readonly password_hash: string
  readonly token_version: number
}

const table = 'reactor_connect_service.users'
const columns = columnsOf(userSchema)

export class PostgresUserStore implements UserStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create({ id, email, role, passwordHash }: NewUser): Promise<User> {
    const [row] = await this.#database.query<UserRow>(
      `INSERT INTO ${table} (id, email, role, password_hash) VALUES ($1, $2, $3, $4)
       ON CONFLICT (email) DO NOTHING RETURNING ${columns}`,
      [id, email, role, passwordHash],
    )
    if (row !== undefined) return userOf(row, email)
    throw new ConnectError('name_taken', { details: { kind: 'user', name: email } })
  }

  async list(request: PageRequest): Promise<Page<User>> {
    const place = pagePlace('users', request)
    const { and, values } = new Conditions().add('email >', place.after)
    const rows = await this.#database.query<UserRow>(
      `SELECT ${columns} FROM ${table} WHERE true${and}
       ORDER BY email LIMIT ${String(place.limit + 1)}`,
      values,
    )
    return pageOf(rows, place, {
      list: 'users',
      key: (row) => row.email,
      item: (row) => userOf(row, row.email),
    })
  }

  async setRole(email: string, role: User['role']): Promise<User> {
    const [row] = await this.#database.query<UserRow>(
      `UPDATE ${table} SET role = $2 WHERE email = $1 RETURNING ${columns}`,
      [email, role],
    )
    return userOf(row, email)
  }

  async setPassword(email: string, passwordHash: string): Promise<KnownUser> {
    const [row] = await this.#database.query<KnownRow>(
      `UPDATE ${table} SET password_hash = $2, token_version = token_version + 1
       WHERE email = $1 RETURNING *`,
      [email, passwordHash],
    )
    return knownOf(row, email)
  }

  async delete(email: string): Promise<void> {
    const rows = await this.#database.query(`DELETE FROM ${table} WHERE email = $1 RETURNING id`, [
      email,
    ])
    if (rows.length === 0) throw noUser(email)
  }

  async find(id: string): Promise<KnownUser | null> {
    const [row] = await this.#database.query<KnownRow>(`SELECT * FROM ${table} WHERE id = $1`, [id])
    return row === undefined ? null : knownOf(row, id)
  }

  async findByEmail(email: string): Promise<KnownUser | null> {
    const [row] = await this.#database.query<KnownRow>(`SELECT * FROM ${table} WHERE email = $1`, [
      email,
    ])
    return row === undefined ? null : knownOf(row, email)
  }

  async noteLogin({ user, tokenVersion }: KnownUser, passwordHash?: string): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET last_login_at = now(), password_hash = coalesce($3, password_hash)
       WHERE id = $1 AND token_version = $2`,
      [user.id, tokenVersion, passwordHash ?? null],
    )
  }

  async endLogins(id: string): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET token_version = token_version + 1 WHERE id = $1`,
      [id],
    )
  }
}

function userOf(row: UserRow | undefined, email: string): User {
  if (row === undefined) throw noUser(email)
  return resourceOf(userSchema, row)
}

function knownOf(row: KnownRow | undefined, email: string): KnownUser {
  if (row === undefined) throw noUser(email)
  const { password_hash: passwordHash, token_version: tokenVersion } = row
  return { user: userOf(row, email), passwordHash, tokenVersion }
}

function noUser(email: string): ConnectError {
  return new ConnectError('user_not_found', { details: { email } })
}
