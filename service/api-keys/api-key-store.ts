import { ConnectError } from '../../protocol/index.ts'
import type { ApiKey } from './schema.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Database, Row } from '../platform/database/database.ts'
import { pageOf, pagePlace } from '../platform/database/page.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { ApiKeyStore, NewApiKey } from './contract.ts'

interface KeyRow extends Row {
  readonly id: string
  readonly name: string
  readonly kind: ApiKey['kind']
  readonly scopes: ApiKey['scopes']
  readonly expires_at: Date | null
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

const table = 'reactor_connect_service.api_keys'
const columns = 'id, name, kind, scopes, created_at, last_used_at, expires_at, revoked_at'
const inserted = 'id, name, kind, scopes, expires_at, secret_hash'

export class ApiKeys implements ApiKeyStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create(input: NewApiKey): Promise<ApiKey> {
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO ${table} (${inserted}) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${columns}`,
      insertedValues(input),
    )
    return keyOf(row, input.id)
  }

  async createFirst(input: NewApiKey): Promise<ApiKey | null> {
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO ${table} (${inserted}, is_first) VALUES ($1, $2, $3, $4, $5, $6, true)
       ON CONFLICT (is_first) WHERE is_first DO NOTHING RETURNING ${columns}`,
      insertedValues(input),
    )
    return row === undefined ? null : keyOf(row, input.id)
  }

  async list(request: PageRequest): Promise<Page<ApiKey>> {
    const place = pagePlace('api-keys', request)
    const { and, values } = new Conditions().add('id <', place.after)
    const rows = await this.#database.query<KeyRow>(
      `SELECT ${columns} FROM ${table} WHERE true${and}
       ORDER BY id DESC LIMIT ${String(place.limit + 1)}`,
      values,
    )
    return pageOf(rows, place, {
      list: 'api-keys',
      key: (row) => row.id,
      item: (row) => keyOf(row, row.id),
    })
  }

  async revoke(id: string): Promise<void> {
    const rows = await this.#database.query(
      `UPDATE ${table} SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id`,
      [id],
    )
    if (rows.length === 0) throw noKey(id)
  }

  async find(id: string): Promise<{ readonly apiKey: ApiKey; readonly secretHash: Buffer } | null> {
    const [row] = await this.#database.query<KeyRow & { readonly secret_hash: Buffer }>(
      `SELECT ${columns}, secret_hash FROM ${table} WHERE id = $1`,
      [id],
    )
    return row === undefined ? null : { apiKey: keyOf(row, id), secretHash: row.secret_hash }
  }

  async touch(id: string): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET last_used_at = now()
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')`,
      [id],
    )
  }
}

function insertedValues(input: NewApiKey): readonly unknown[] {
  const { id, name, kind, scopes, expiresAt, secretHash } = input
  return [id, name, kind, scopes === null ? null : JSON.stringify(scopes), expiresAt, secretHash]
}

function keyOf(row: KeyRow | undefined, id: string): ApiKey {
  if (row === undefined) throw noKey(id)
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  }
}

function noKey(id: string): ConnectError {
  return new ConnectError('api_key_not_found', { details: { id } })
}
