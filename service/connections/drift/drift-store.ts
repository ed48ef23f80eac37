import type { AirbyteCatalog } from '../../../protocol/index.ts'
import type { Database } from '../../platform/database/database.ts'
import { plainJson } from '../../platform/database/statement.ts'
import type { DriftStore, SettledSchema } from './contract.ts'

const table = 'reactor_connect_service.connections'

export class PostgresDriftStore implements DriftStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async approved(connectionId: string): Promise<AirbyteCatalog | null> {
    const [row] = await this.#database.query<{ approved_catalog: AirbyteCatalog | null }>(
      `SELECT approved_catalog FROM ${table} WHERE id = $1`,
      [connectionId],
    )
    return row?.approved_catalog ?? null
  }

  async waiting(connectionId: string): Promise<AirbyteCatalog | null> {
    const [row] = await this.#database.query<{ drift_catalog: AirbyteCatalog | null }>(
      `SELECT drift_catalog FROM ${table} WHERE id = $1`,
      [connectionId],
    )
    return row?.drift_catalog ?? null
  }

  async settle(settled: SettledSchema): Promise<boolean> {
    const { connection, run, owner, approved, drift, changes } = settled
    const rows = await this.#database.query(
      `WITH mine AS (
         SELECT id FROM reactor_connect_service.runs
         WHERE id = $3 AND owner = $4 AND status = 'running'
       ), changed AS (
         UPDATE ${table} AS connection SET
           approved_catalog = coalesce($5::json, approved_catalog),
           drift = CASE
             WHEN drift->>'fingerprint' = $6::json->>'fingerprint'
               AND drift->>'status' = $6::json->>'status' THEN drift
             ELSE $6::json
           END,
           drift_catalog = $7::json
         FROM mine WHERE connection.id = $1 AND version = $2 RETURNING connection.id
       )
       UPDATE reactor_connect_service.runs AS run SET schema_changes = $8
       FROM changed WHERE run.id = $3 RETURNING run.id`,
      [
        connection.id,
        connection.version,
        run,
        owner,
        approved && JSON.stringify(approved),
        drift && plainJson(drift.shown),
        drift && JSON.stringify(drift.catalog),
        JSON.stringify(changes),
      ],
    )
    return rows.length > 0
  }

  async approve(name: string, fingerprint: string): Promise<boolean> {
    const rows = await this.#database.query(
      `UPDATE ${table} SET
         approved_catalog = drift_catalog, drift = NULL, drift_catalog = NULL,
         version = version + 1, updated_at = now()
       WHERE name = $1 AND drift->>'fingerprint' = $2 RETURNING id`,
      [name, fingerprint],
    )
    return rows.length > 0
  }
}
