import type { Database } from './database.ts'

/** Fills four pages: a full disk has no room for them. */
const pages = 4
const pageText = 7_000

/**
 * Throws `store_unavailable` when the database takes no writes (a standby, a read-only database) or has no room for them. What
 * is written is rolled back. A new file is begun each time: there is no free room in it that would hide a full disk.
 */
export async function checkWrites(database: Database): Promise<void> {
  await database.session(async (session) => {
    await session.query(`BEGIN; SET LOCAL lock_timeout = '2s'`)
    await session.query(`TRUNCATE reactor_connect_service.write_check`)
    await session.query(
      `INSERT INTO reactor_connect_service.write_check
       SELECT repeat('x', ${String(pageText)}) FROM generate_series(1, ${String(pages)})`,
    )
    await session.query('ROLLBACK')
  })
}
