import type { TwoWaySession } from '../postgres/two-way-session.ts'
import type { SweptRecord } from '../pair-side.ts'

export interface SweptRow extends SweptRecord {
  /** The match value; null if there is none. */
  readonly value: string | null
}

/**
 * The ids and hashes of a whole read. A vendor gives records in its own order: a temporary table of
 * PostgreSQL sorts them, so memory does not grow with them. The session is the table's own.
 */
export class SweptTable implements AsyncDisposable {
  readonly #session: TwoWaySession
  #isIndexed = false

  private constructor(session: TwoWaySession) {
    this.#session = session
  }

  static async open(session: TwoWaySession): Promise<SweptTable> {
    await session.rows(
      'CREATE TEMPORARY TABLE swept (id text COLLATE "C" PRIMARY KEY, hash text NOT NULL, value text)',
    )
    return new SweptTable(session)
  }

  /** A record that a read gives twice is stored as it came last. */
  async add(rows: readonly SweptRow[]): Promise<void> {
    if (rows.length === 0) return
    const distinct = [...new Map(rows.map((row) => [row.id, row])).values()]
    await this.#session.rows(
      `INSERT INTO pg_temp.swept SELECT * FROM json_to_recordset($1::json)
         AS s (id text, hash text, value text)
       ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, value = excluded.value`,
      [JSON.stringify(distinct)],
    )
  }

  async *pages(signal: AbortSignal): AsyncGenerator<readonly SweptRecord[]> {
    for (let after = ''; !signal.aborted;) {
      const rows = await this.#session.rows<SweptRecord & Record<string, unknown>>(
        'SELECT id, hash FROM pg_temp.swept WHERE id > $1 ORDER BY id LIMIT $2',
        [after, pageSize],
      )
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows
      after = last.id
    }
  }

  async find(
    values: readonly string[],
  ): Promise<readonly { readonly id: string; readonly value: string }[]> {
    if (!this.#isIndexed) {
      await this.#session.rows('CREATE INDEX ON pg_temp.swept (value)')
      this.#isIndexed = true
    }
    return this.#session.rows<{ id: string; value: string }>(
      'SELECT id, value FROM pg_temp.swept WHERE value = ANY ($1::text[])',
      [values],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}

const pageSize = 5_000
