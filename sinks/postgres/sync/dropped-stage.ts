import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'

/** Whether an event trigger sees a DROP TABLE: it may forbid the one that ends an overwrite. */
export async function watchesDrops(session: DestinationSession): Promise<boolean> {
  const [row] = await session.rows<{ watched: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtenabled IN ('O', 'A') AND evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop')
         AND (evttags IS NULL OR 'DROP TABLE' = ANY (evttags))) AS watched`,
  )
  return row?.watched === true
}

/**
 * Throws what the DROP at the end would throw, before anything is read. Part of the open transaction; nothing
 * is changed.
 */
export async function tryDrop(session: DestinationSession, table: TableName): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS ${quoteTable(table)}`, 'trial')
  await session.rollbackTo('trial')
}
