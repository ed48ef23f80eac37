import type { Database } from '../platform/database/database.ts'
import type { AttemptCount, LoginAttemptStore } from './contract.ts'

const table = 'reactor_connect_service.login_attempts'

export class PostgresLoginAttemptStore implements LoginAttemptStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Sorted by subject: two transactions that count the same subjects wait for each other, and cannot
   * deadlock.
   */
  async count(subjects: readonly string[], windowMs: number): Promise<readonly AttemptCount[]> {
    return this.#database.query<{ subject: string; attempts: number; endsInMs: number }>(
      `INSERT INTO ${table} AS kept (subject, attempts, window_ends_at)
       SELECT subject, 1, now() + $2 * interval '1 millisecond'
       FROM unnest($1::text[]) AS subject ORDER BY subject
       ON CONFLICT (subject) DO UPDATE SET
         attempts = CASE WHEN kept.window_ends_at <= now() THEN 1 ELSE kept.attempts + 1 END,
         window_ends_at = CASE WHEN kept.window_ends_at <= now()
           THEN excluded.window_ends_at ELSE kept.window_ends_at END
       RETURNING subject, attempts,
         ceil(extract(epoch FROM window_ends_at - now()) * 1000)::integer AS "endsInMs"`,
      [subjects, windowMs],
    )
  }

  async giveBack(subjects: readonly string[]): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET attempts = greatest(attempts - 1, 0)
       WHERE subject IN (
         SELECT subject FROM ${table} WHERE subject = ANY ($1) ORDER BY subject FOR UPDATE
       )`,
      [subjects],
    )
  }
}
