import type { Database } from './database.ts'

/** Enough to fill four pages: a full disk has no room for them. */
const pages = 4
const pageText = 7_000

/**
 * Throws `store_unavailable` if the database accepts no writes (a standby, a read-only database) or has no
 * room for them. The write is rolled back. It starts a new file each time: free room in the old one would
 * hide a full disk. While something else uses the table (`pg_dump` until it ends), the old file is written
 * to: nothing waits, and nothing is held up.
 */
export async function checkWrites(database: Database): Promise<void> {
  await database.session(async (session) => {
    await session.query(`BEGIN; SET LOCAL lock_timeout = '2s'`)
    // One check at a time, so that the table of another check is not mistaken for one that a backup uses.
    await session.query(
      `SELECT pg_advisory_xact_lock(hashtextextended('reactor-connect write check', 0))`,
    )
    await session.query(
      `DO $$ BEGIN
         LOCK TABLE reactor_connect_service.write_check IN ACCESS EXCLUSIVE MODE NOWAIT;
         TRUNCATE reactor_connect_service.write_check;
       EXCEPTION WHEN lock_not_available THEN NULL; END $$`,
    )
    await session.query(
      `INSERT INTO reactor_connect_service.write_check
       SELECT repeat('x', ${String(pageText)}) FROM generate_series(1, ${String(pages)})`,
    )
    await session.query('ROLLBACK')
  })
}
