import type { Logger } from 'pino'
import type { Settings } from '../platform/config/settings.ts'
import { migrate } from '../platform/database/migrate.ts'
import { migrations } from '../platform/database/migrations.ts'
import { openPgBossQueue } from '../platform/jobs/pg-boss-queue.ts'
import { openDataDir } from './data-dir.ts'
import { openDatabases } from './databases.ts'

export interface MigrateOptions {
  readonly settings: Settings
  readonly logger: Logger
  /** Called with a text for a person that says what was done. */
  readonly announce: (text: string) => void
}

/**
 * Brings the metadata database up to date, with the tables of the queue, and serves nothing. Nothing happens
 * if it is up to date. Throws what keeps a service from its start: `store_unavailable`, `store_schema_newer`,
 * `store_permission_denied`.
 */
export async function migrateOnly({ settings, logger, announce }: MigrateOptions): Promise<void> {
  const isEmbedded = settings.databaseUrl === undefined
  if (isEmbedded) await openDataDir(settings.dataDir, { hasPostgres: true })
  await using databases = await openDatabases(settings)
  const url = databases.metadataUrl
  const applied = await migrate(url)
  const queue = await openPgBossQueue({ url, logger })
  await queue[Symbol.asyncDispose]()
  const count = applied === 1 ? '1 migration was' : `${String(applied)} migrations were`
  const last = String(migrations.length)
  announce(
    applied === 0
      ? `The metadata database was up to date (migration ${last})`
      : `The metadata database is up to date (migration ${last}): ${count} applied`,
  )
}
