import type { Database } from '../platform/database/database.ts'
import type { UsedTokenStore } from './contract.ts'

export class PostgresUsedTokenStore implements UsedTokenStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async use(nonce: string, expiresAt: Date): Promise<boolean> {
    const rows = await this.#database.query(
      `INSERT INTO reactor_connect_service.used_dry_run_tokens (nonce, expires_at)
       VALUES ($1, $2) ON CONFLICT (nonce) DO NOTHING RETURNING nonce`,
      [nonce, expiresAt],
    )
    return rows.length > 0
  }
}
