import type { Database } from '../platform/database/database.ts'
import type { UsedTokenStore } from './contract.ts'

export class PostgresUsedTokenStore implements UsedTokenStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async use(nonce: string, expiresAt: Date, usedFor: string | null): Promise<boolean> {
    const rows = await this.#database.query(
      `INSERT INTO reactor_connect_service.used_dry_run_tokens AS used (nonce, expires_at, used_for)
       VALUES ($1, $2, $3)
       ON CONFLICT (nonce) DO UPDATE SET used_for = used.used_for
         WHERE used.used_for = excluded.used_for
       RETURNING nonce`,
      [nonce, expiresAt, usedFor],
    )
    return rows.length > 0
  }
}
