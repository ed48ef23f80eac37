import type { AirbyteCatalog } from '../../protocol/index.ts'
import type { Database } from '../platform/database/database.ts'
import type { Discovery, DiscoveryStore } from './contract.ts'

export class PostgresDiscoveryStore implements DiscoveryStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** A discovery of an earlier configuration does not count. */
  async get(instanceId: string): Promise<Discovery | null> {
    const [row] = await this.#database.query<{ catalog: AirbyteCatalog; discovered_at: string }>(
      `SELECT catalog, discovered_at
       FROM reactor_connect_service.discoveries AS discovery
       JOIN reactor_connect_service.instances AS instance
         ON instance.id = discovery.instance_id AND instance.config_version = discovery.config_version
       WHERE instance_id = $1`,
      [instanceId],
    )
    if (row === undefined) return null
    return { catalog: row.catalog, discoveredAt: row.discovered_at }
  }

  async put(instanceId: string, version: number, catalog: AirbyteCatalog): Promise<Discovery> {
    const [row] = await this.#database.query<{ at: string }>(
      `WITH kept AS (
         INSERT INTO reactor_connect_service.discoveries (instance_id, config_version, catalog)
         SELECT id, config_version, $3 FROM reactor_connect_service.instances
         WHERE id = $1 AND version = $2 FOR KEY SHARE
         ON CONFLICT (instance_id) DO UPDATE SET
           config_version = excluded.config_version, catalog = excluded.catalog, discovered_at = now()
       )
       SELECT now() AS at`,
      [instanceId, version, JSON.stringify(catalog)],
    )
    return { catalog, discoveredAt: row?.at ?? new Date().toISOString() }
  }
}
