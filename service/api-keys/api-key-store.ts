import { lookUps, type Batches } from '../../lib/async/batches.ts'
import { ConnectError } from '../../protocol/index.ts'
import { apiKeySchema, type ApiKey } from './schema.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Database, Row } from '../platform/database/database.ts'
import { pageOf, pagePlace } from '../platform/database/page.ts'
import { assignments, selectColumns, resourceOf } from '../platform/database/rows.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { ApiKeyStore, FoundKey, NewApiKey } from './contract.ts'

interface KeyRow extends Row {
  readonly id: string
  readonly scopes: ApiKey['scopes']
}

interface SecretRow extends KeyRow {
  readonly secret_hash: Buffer
}

const table = 'reactor_connect_service.api_keys'
const columns = selectColumns(apiKeySchema)

export class PostgresApiKeyStore implements ApiKeyStore {
  readonly #database: Database
  /** Each request looks for its key. */
  readonly #found: Batches<string, SecretRow | undefined>

  constructor(database: Database) {
    this.#database = database
    this.#found = lookUps(
      (ids) =>
        database.query<SecretRow>(
          `SELECT ${columns}, secret_hash FROM ${table} WHERE id = ANY($1::text[])`,
          [ids],
        ),
      (row) => row.id,
    )
  }

  async create(input: NewApiKey): Promise<ApiKey> {
    const made = assignments(input)
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO ${table} (${made.columns.join(', ')})
       VALUES (${made.places.join(', ')}) RETURNING ${columns}`,
      made.values,
    )
    return keyOf(row, input.id)
  }

  async createFirst(input: NewApiKey): Promise<ApiKey | null> {
    const made = assignments({ ...input, isFirst: true })
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO ${table} (${made.columns.join(', ')}) VALUES (${made.places.join(', ')})
       ON CONFLICT (is_first) WHERE is_first DO NOTHING RETURNING ${columns}`,
      made.values,
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

  async find(id: string): Promise<FoundKey | null> {
    const row = await this.#found.add(id)
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

function keyOf(row: KeyRow | undefined, id: string): ApiKey {
  if (row === undefined) throw noKey(id)
  return { ...resourceOf(apiKeySchema, row), scopes: row.scopes }
}

function noKey(id: string): ConnectError {
  return new ConnectError('api_key_not_found', { details: { id } })
}
