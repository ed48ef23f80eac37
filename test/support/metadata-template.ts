import { migrate } from '../../service/platform/database/migrate.ts'
import { openPgBossQueue } from '../../service/platform/jobs/pg-boss-queue.ts'
import { metadataTemplate, onServer, urlOf, type PostgresAddress } from './postgres.ts'
import { silent } from './logger.ts'

/**
 * Makes the database that metadata-database.ts copies: with the migrations applied, and the tables of the
 * queue.
 */
export async function createMetadataTemplate(server: PostgresAddress): Promise<void> {
  await onServer(server, `CREATE DATABASE ${metadataTemplate}`)
  const url = urlOf({ ...server, database: metadataTemplate })
  await migrate(url)
  const queue = await openPgBossQueue({ url, logger: silent })
  await queue[Symbol.asyncDispose]()
}
