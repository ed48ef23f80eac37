import type { Link, SideName } from '../../../sinks/two-way/link.ts'
import type { Conflict } from '../../../sinks/two-way/conflict.ts'
import type { LinkChange, LinkPage, LinkStore, ScannedLink, StoredLink } from '../link-store.ts'
import type { TwoWaySession } from './two-way-session.ts'

/** The schema of the links; `pg_temp`: of a preview, whose tables end with its session. */
export type LinksSchema = 'reactor_connect' | 'pg_temp'

/**
 * Links in PostgreSQL, in the schema `reactor_connect` of a database of the customer. `pair`: several pairs
 * may have their links in one database.
 */
export class PostgresLinkStore implements LinkStore {
  readonly #session: TwoWaySession
  readonly #pair: string
  readonly #schema: LinksSchema

  constructor(session: TwoWaySession, pair: string, schema: LinksSchema = 'reactor_connect') {
    this.#session = session
    this.#pair = pair
    this.#schema = schema
  }

  /** Makes the tables that are not there yet. Those of a preview begin as a copy of the stored ones. */
  async setUp(): Promise<void> {
    if (this.#schema === 'reactor_connect')
      await this.#session.rows('CREATE SCHEMA IF NOT EXISTS reactor_connect')
    for (const statement of setUpStatements) await this.#rows(statement)
    if (this.#schema === 'pg_temp' && (await hasLinks(this.#session)))
      for (const statement of copyStatements) await this.#session.rows(statement, [this.#pair])
  }

  #rows<R extends Record<string, unknown>>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<R[]> {
    return this.#session.rows<R>(this.#inSchema(sql), parameters)
  }

  #inSchema(sql: string): string {
    return this.#schema === 'pg_temp' ? sql.replaceAll('reactor_connect.', 'pg_temp.') : sql
  }

  async findByRecord(
    stream: string,
    side: SideName,
    ids: readonly string[],
  ): Promise<readonly StoredLink[]> {
    if (ids.length === 0) return []
    // The collation is that of the index.
    const condition = `stream = $2 AND ${idOf[side]} COLLATE "C" = ANY($3::text[])`
    return this.#find(condition, [stream, ids])
  }

  async findLinks(ids: readonly string[]): Promise<readonly StoredLink[]> {
    return ids.length === 0 ? [] : this.#find('id = ANY($2::text[])', [ids])
  }

  findDirty(stream: string, { after, limit }: LinkPage): Promise<readonly StoredLink[]> {
    return this.#find(
      'stream = $2 AND is_dirty AND id > $3 COLLATE "C" ORDER BY id COLLATE "C" LIMIT $4',
      [stream, after, limit],
    )
  }

  async #find(condition: string, parameters: readonly unknown[]): Promise<readonly StoredLink[]> {
    const rows = await this.#rows<LinkRow>(
      `SELECT link, seen_a, seen_b, is_dirty FROM reactor_connect.two_way_links
       WHERE pair = $1 AND ${condition}`,
      [this.#pair, ...parameters],
    )
    return rows.map(({ link, seen_a: a, seen_b: b, is_dirty: isDirty }) => {
      return { link, seen: { a, b }, isDirty }
    })
  }

  async scan(
    stream: string,
    side: SideName,
    { after, limit }: LinkPage,
  ): Promise<readonly ScannedLink[]> {
    return this.#rows<ScannedLink & Record<string, unknown>>(
      `SELECT id AS link, ${idOf[side]} AS record, ${seenOf[side]} AS seen
       FROM reactor_connect.two_way_links
       WHERE pair = $1 AND stream = $2 AND ${idOf[side]} > $3 COLLATE "C" AND ${presentOf[side]}
       ORDER BY ${idOf[side]} COLLATE "C" LIMIT $4`,
      [this.#pair, stream, after, limit],
    )
  }

  async countLinked(stream: string): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM reactor_connect.two_way_links
       WHERE pair = $1 AND stream = $2 AND id_a IS NOT NULL AND id_b IS NOT NULL
         AND present_a AND present_b`,
      [this.#pair, stream],
    )
    return row?.count ?? 0
  }

  async findDecided(
    links: readonly string[],
  ): Promise<ReadonlyMap<string, Readonly<Record<string, SideName>>>> {
    const rows = await this.#rows<{ link: string; field: string; decision: SideName }>(
      `SELECT link, field, decision FROM reactor_connect.two_way_conflicts
       WHERE pair = $1 AND link = ANY($2::text[]) AND status = 'decided'`,
      [this.#pair, links],
    )
    return new Map(
      [...Map.groupBy(rows, ({ link }) => link)].map(([link, group]) => [
        link,
        Object.fromEntries(group.map(({ field, decision }) => [field, decision])),
      ]),
    )
  }

  async save({ links, conflicts, withdrawn, history }: LinkChange): Promise<void> {
    const statements: (readonly [string, readonly unknown[]])[] = []
    if (links.length > 0) {
      statements.push([saveLinksSql, [this.#pair, JSON.stringify(links.map(linkJson))]])
      statements.push([closeReviewsSql, [this.#pair, JSON.stringify(links.map(openReviews))]])
    }
    if (conflicts.length > 0)
      statements.push([saveConflictsSql, [this.#pair, JSON.stringify(conflicts.map(conflictJson))]])
    if (withdrawn.length > 0) statements.push([withdrawSql, [this.#pair, withdrawn]])
    if (history.length > 0) statements.push([saveHistorySql, [this.#pair, JSON.stringify(history)]])
    if (statements.length === 0) return
    try {
      await this.#session.transaction(
        statements.map(([sql, parameters]) => [this.#inSchema(sql), parameters]),
      )
    } catch (thrown) {
      throw this.#session.error(thrown)
    }
  }
}

const idOf = { a: 'id_a', b: 'id_b' } as const
const seenOf = { a: 'seen_a', b: 'seen_b' } as const
const presentOf = { a: 'present_a', b: 'present_b' } as const

interface LinkRow extends Record<string, unknown> {
  readonly link: Link
  readonly seen_a: string | null
  readonly seen_b: string | null
  readonly is_dirty: boolean
}

function linkJson({ link, seen, isDirty }: StoredLink): object {
  return {
    ...{ id: link.id, stream: link.stream, id_a: link.a.id, id_b: link.b.id, status: link.status },
    present_a: link.a.presence === 'present',
    present_b: link.b.presence === 'present',
    ...{ seen_a: seen.a, seen_b: seen.b, is_dirty: isDirty, link },
  }
}

function openReviews({ link }: StoredLink): object {
  return { link: link.id, fields: Object.keys(link.reviews) }
}

function conflictJson(conflict: Conflict): object {
  const { id, link, stream, field, rule, winner, write, isDecided, foundAtMs } = conflict
  return {
    ...{ id, link, stream, field, rule, winner, write },
    status: winner === null ? 'open' : 'settled',
    is_decided: isDecided,
    value_a: conflict.a,
    value_b: conflict.b,
    base_a: conflict.baseA,
    base_b: conflict.baseB,
    modified_a: conflict.modifiedAtMs.a,
    modified_b: conflict.modifiedAtMs.b,
    found_at: foundAtMs,
  }
}

/** Whether a pair has ever stored links in the database. */
export async function hasLinks(session: TwoWaySession): Promise<boolean> {
  const [row] = await session.rows<{ found: boolean }>(
    `SELECT to_regclass('reactor_connect.two_way_links') IS NOT NULL AS found`,
  )
  return row?.found === true
}

const linkColumns =
  'pair, id, stream, status, id_a, id_b, present_a, present_b, seen_a, seen_b, is_dirty, link'
const conflictColumns = `pair, id, link, stream, field, rule, status, winner, decision, write_id, is_decided,
  value_a, value_b, base_a, base_b, modified_a, modified_b, found_at`

const copyStatements: readonly string[] = [
  `INSERT INTO pg_temp.two_way_links (${linkColumns})
   SELECT ${linkColumns} FROM reactor_connect.two_way_links WHERE pair = $1`,
  `INSERT INTO pg_temp.two_way_conflicts (${conflictColumns})
   SELECT ${conflictColumns} FROM reactor_connect.two_way_conflicts
   WHERE pair = $1 AND status IN ('open', 'decided')`,
]

const setUpStatements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS reactor_connect.two_way_links (
    pair text NOT NULL, id text NOT NULL, stream text NOT NULL, status text NOT NULL,
    id_a text, id_b text, present_a boolean NOT NULL, present_b boolean NOT NULL,
    seen_a text, seen_b text, is_dirty boolean NOT NULL, link json NOT NULL,
    PRIMARY KEY (pair, id))`,
  `CREATE INDEX IF NOT EXISTS two_way_links_a ON reactor_connect.two_way_links
    (pair, stream, id_a COLLATE "C") WHERE id_a IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS two_way_links_b ON reactor_connect.two_way_links
    (pair, stream, id_b COLLATE "C") WHERE id_b IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS two_way_links_dirty ON reactor_connect.two_way_links
    (pair, stream, id COLLATE "C") WHERE is_dirty`,
  `CREATE TABLE IF NOT EXISTS reactor_connect.two_way_conflicts (
    pair text NOT NULL, id text NOT NULL, link text NOT NULL, stream text NOT NULL,
    field text NOT NULL, rule text NOT NULL, status text NOT NULL, winner text, decision text,
    write_id text, is_decided boolean NOT NULL, value_a json, value_b json, base_a json, base_b json,
    modified_a float8, modified_b float8, found_at float8 NOT NULL,
    PRIMARY KEY (pair, id))`,
  `CREATE INDEX IF NOT EXISTS two_way_conflicts_link ON reactor_connect.two_way_conflicts (pair, link)`,
  `CREATE INDEX IF NOT EXISTS two_way_conflicts_write ON reactor_connect.two_way_conflicts (pair, write_id)`,
  `CREATE TABLE IF NOT EXISTS reactor_connect.two_way_history (
    pair text NOT NULL, write_id text NOT NULL, link text NOT NULL, stream text NOT NULL,
    side text NOT NULL, operation text NOT NULL, values json NOT NULL, before json,
    written_at float8 NOT NULL, PRIMARY KEY (pair, write_id))`,
  `CREATE INDEX IF NOT EXISTS two_way_history_link ON reactor_connect.two_way_history
    (pair, link, written_at)`,
]

const saveLinksSql = `INSERT INTO reactor_connect.two_way_links
    (pair, id, stream, status, id_a, id_b, present_a, present_b, seen_a, seen_b, is_dirty, link)
  SELECT $1, l.id, l.stream, l.status, l.id_a, l.id_b, l.present_a, l.present_b, l.seen_a, l.seen_b,
    l.is_dirty, l.link
  FROM pg_catalog.json_to_recordset($2::json) AS l (id text, stream text, status text, id_a text,
    id_b text, present_a boolean, present_b boolean, seen_a text, seen_b text, is_dirty boolean, link json)
  ON CONFLICT (pair, id) DO UPDATE SET status = excluded.status, id_a = excluded.id_a,
    id_b = excluded.id_b, present_a = excluded.present_a, present_b = excluded.present_b,
    seen_a = excluded.seen_a, seen_b = excluded.seen_b, is_dirty = excluded.is_dirty,
    link = excluded.link`

/** A review whose field is no conflict any more, or has another value, needs no decision. */
const closeReviewsSql = `UPDATE reactor_connect.two_way_conflicts c SET status = 'closed'
  FROM pg_catalog.json_to_recordset($2::json) AS l (link text, fields json)
  WHERE c.pair = $1 AND c.link = l.link AND c.status IN ('open', 'decided')
    AND NOT EXISTS (SELECT FROM pg_catalog.json_array_elements_text(l.fields) f WHERE f = c.field)`

const saveConflictsSql = `WITH found AS (
    SELECT * FROM pg_catalog.json_to_recordset($2::json) AS c (id text, link text, stream text, field text,
      rule text, status text, winner text, write text, is_decided boolean, value_a json, value_b json,
      base_a json, base_b json, modified_a float8, modified_b float8, found_at float8)
  ), replaced AS (
    UPDATE reactor_connect.two_way_conflicts o SET status = 'closed' FROM found
    WHERE o.pair = $1 AND o.link = found.link AND o.field = found.field AND o.status IN ('open', 'decided')
  )
  INSERT INTO reactor_connect.two_way_conflicts (pair, id, link, stream, field, rule, status, winner,
    write_id, is_decided, value_a, value_b, base_a, base_b, modified_a, modified_b, found_at)
  SELECT $1, id, link, stream, field, rule, status, winner, write, is_decided, value_a, value_b,
    base_a, base_b, modified_a, modified_b, found_at FROM found`

const withdrawSql = `DELETE FROM reactor_connect.two_way_conflicts
  WHERE pair = $1 AND write_id = ANY($2::text[])`

const saveHistorySql = `INSERT INTO reactor_connect.two_way_history
    (pair, write_id, link, stream, side, operation, values, before, written_at)
  SELECT $1, h.write, h.link, h.stream, h.side, h.operation, h.values, h.before, h."writtenAtMs"
  FROM pg_catalog.json_to_recordset($2::json) AS h (write text, link text, stream text, side text,
    operation text, values json, before json, "writtenAtMs" float8)
  ON CONFLICT (pair, write_id) DO NOTHING`
