import type { Schedule } from '../platform/jobs/schedule.ts'
import type { SchedulesAtJobsStore, UnsentSchedule } from './contract.ts'
import type { Database, Row } from '../platform/database/database.ts'

const table = 'reactor_connect_service.schedules_at_jobs'

/** Text is compared: both columns keep what was written, letter by letter. */
const unsent = `
  FROM (
    SELECT id, schedule FROM reactor_connect_service.connections
    WHERE status = 'active' AND schedule IS NOT NULL
  ) AS wanted
  FULL JOIN (SELECT * FROM ${table} WHERE place = $1) AS told ON told.connection_id = wanted.id
  WHERE wanted.id IS NULL OR told.sent IS NULL OR told.sent::text <> wanted.schedule::text`

export class PostgresSchedulesAtJobsStore implements SchedulesAtJobsStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async unsent(place: string, limit: number): Promise<readonly UnsentSchedule[]> {
    const rows = await this.#database.query<{ id: string; schedule: Schedule | null } & Row>(
      `SELECT coalesce(wanted.id, told.connection_id) AS id, wanted.schedule ${unsent}
       ORDER BY told.tried_at NULLS FIRST, id LIMIT $2`,
      [place, limit],
    )
    return rows.map(({ id, schedule }) => ({ connectionId: id, schedule }))
  }

  async countUnsent(place: string): Promise<number> {
    const [row] = await this.#database.query<{ count: number }>(
      `SELECT count(*)::int AS count ${unsent}`,
      [place],
    )
    return row?.count ?? 0
  }

  async begin(place: string, connectionId: string): Promise<void> {
    await this.#database.query(
      `INSERT INTO ${table} (place, connection_id) VALUES ($1, $2)
       ON CONFLICT (place, connection_id) DO UPDATE SET sent = NULL, tried_at = now()`,
      [place, connectionId],
    )
  }

  async confirm(place: string, { connectionId, schedule }: UnsentSchedule): Promise<void> {
    if (schedule === null)
      await this.#database.query(`DELETE FROM ${table} WHERE place = $1 AND connection_id = $2`, [
        place,
        connectionId,
      ])
    else
      await this.#database.query(
        `UPDATE ${table} SET sent = $3 WHERE place = $1 AND connection_id = $2`,
        [place, connectionId, JSON.stringify(schedule)],
      )
  }

  async sendAllAgain(place: string): Promise<void> {
    await this.#database.query(`UPDATE ${table} SET sent = NULL WHERE place = $1`, [place])
  }

  async forgetOthers(
    place: string | null,
  ): Promise<readonly { readonly place: string; readonly schedules: number }[]> {
    return this.#database.query<{ place: string; schedules: number }>(
      `WITH gone AS (
         DELETE FROM ${table} WHERE place IS DISTINCT FROM $1 RETURNING place
       )
       SELECT place, count(*)::int AS schedules FROM gone GROUP BY place ORDER BY place`,
      [place],
    )
  }
}
