import { ConnectError } from '../../protocol/index.ts'
import type { Database } from '../platform/database/database.ts'
import type { AuthorizationStore, PendingAuthorization } from './contract.ts'

/**
 * Maximum number of pending authorizations of one instance, so that repeated starts do not fill the table.
 */
const keptPerInstance = 5

interface PendingRow extends Record<string, unknown> {
  readonly instance: string
  readonly redirect_uri: string
  readonly sealed: string
}

export class PostgresAuthorizationStore implements AuthorizationStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create(
    authorization: PendingAuthorization & { readonly lifetimeMs: number },
  ): Promise<void> {
    const { stateHash, instance, redirectUri, sealed, lifetimeMs } = authorization
    const made = await this.#database.query(
      `WITH instance AS (
         SELECT id FROM reactor_connect_service.instances WHERE name = $2 FOR KEY SHARE
       ), pushed_out AS (
         DELETE FROM reactor_connect_service.oauth_states WHERE state_hash IN (
           SELECT state_hash FROM instance
           JOIN reactor_connect_service.oauth_states ON instance_id = instance.id
           ORDER BY created_at DESC OFFSET $6)
       )
       INSERT INTO reactor_connect_service.oauth_states
         (state_hash, instance_id, redirect_uri, sealed, expires_at)
       SELECT $1, instance.id, $3, $4, now() + $5 * interval '1 ms' FROM instance
       RETURNING state_hash`,
      [stateHash, instance, redirectUri, sealed, lifetimeMs, keptPerInstance - 1],
    )
    if (made.length === 0) throw new ConnectError('instance_not_found', { details: { instance } })
  }

  async isPending(stateHash: string): Promise<boolean> {
    const rows = await this.#database.query(
      `SELECT state_hash FROM reactor_connect_service.oauth_states
       WHERE state_hash = $1 AND expires_at > now()`,
      [stateHash],
    )
    return rows.length > 0
  }

  async take(stateHash: string): Promise<PendingAuthorization | null> {
    const [row] = await this.#database.query<PendingRow>(
      `WITH taken AS (
         DELETE FROM reactor_connect_service.oauth_states WHERE state_hash = $1 RETURNING *
       )
       SELECT instance.name AS instance, taken.redirect_uri, taken.sealed
       FROM taken JOIN reactor_connect_service.instances AS instance ON instance.id = instance_id
       WHERE taken.expires_at > now()`,
      [stateHash],
    )
    if (row === undefined) return null
    return { stateHash, instance: row.instance, redirectUri: row.redirect_uri, sealed: row.sealed }
  }
}
