import type { RuleName } from '../../../sinks/two-way/conflict-rules.ts'
import type { SideName, WriteOperation } from '../../../sinks/two-way/link.ts'
import type { JsonObject, JsonValue } from '../../../protocol/index.ts'
import type { TwoWaySession } from './two-way-session.ts'

/** Something that waits for a person. */
export interface OpenReview extends Record<string, unknown> {
  /** That of the conflict, or of the link. */
  readonly id: string
  /**
   * - `conflict`: both sides changed a field, or one deleted what the other edited;
   * - `ambiguous`: several records could be its counterpart;
   * - `quarantined`: it was written too often;
   * - `refused`: a side said no to a write, which is not sent again as long as it is the same.
   */
  readonly kind: 'conflict' | 'ambiguous' | 'quarantined' | 'refused'
  readonly link: string
  readonly stream: string
  readonly record_a: string | null
  readonly record_b: string | null
  /** Null: the whole record. */
  readonly field: string | null
  readonly rule: RuleName | null
  readonly value_a: JsonValue
  readonly value_b: JsonValue
  readonly base_a: JsonValue
  readonly base_b: JsonValue
  readonly found_at: number | null
  /** The side that a person chose; the next run writes it. */
  readonly decision: SideName | null
  /** Why a side refused the write. */
  readonly reason: string | null
}

/** A write of a record, or a conflict about it. */
export interface RecordEvent extends Record<string, unknown> {
  readonly happened_at: number
  readonly kind: 'write' | 'conflict'
  /** A write: the side that was written. */
  readonly side: SideName | null
  readonly operation: WriteOperation | null
  /** The values that were sent, and those that they replaced. */
  readonly values: JsonObject | null
  readonly before: JsonObject | null
  /** A conflict: its field. Null: the whole record. */
  readonly field: string | null
  readonly rule: RuleName | null
  readonly winner: SideName | null
  readonly is_decided: boolean | null
  readonly value_a: JsonValue
  readonly value_b: JsonValue
  readonly status: 'open' | 'decided' | 'settled' | 'closed' | null
}

/** The reviews and the history of a pair, beside its links. Decisions are carried out by the next run. */
export class ReviewStore {
  readonly #session: TwoWaySession
  readonly #pair: string

  constructor(session: TwoWaySession, pair: string) {
    this.#session = session
    this.#pair = pair
  }

  /** In the order in which they were found. */
  list(): Promise<OpenReview[]> {
    return this.#session.rows<OpenReview>(
      `${reviewsSql} ORDER BY found_at NULLS LAST, stream, id`,
      [this.#pair],
    )
  }

  async count(): Promise<number> {
    const [row] = await this.#session.rows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM (${reviewsSql}) r`,
      [this.#pair],
    )
    return row?.count ?? 0
  }

  async find(id: string): Promise<OpenReview | undefined> {
    const [review] = await this.#session.rows<OpenReview>(
      `SELECT * FROM (${reviewsSql}) r WHERE id = $2`,
      [this.#pair, id],
    )
    return review
  }

  /** @returns whether it was still open */
  async decide(id: string, winner: SideName): Promise<boolean> {
    const rows = await this.#session.rows(
      `WITH decided AS (
         UPDATE reactor_connect.two_way_conflicts SET status = 'decided', decision = $3
         WHERE pair = $1 AND id = $2 AND status IN ('open', 'decided') RETURNING link)
       UPDATE reactor_connect.two_way_links l SET is_dirty = true FROM decided
       WHERE l.pair = $1 AND l.id = decided.link RETURNING l.id`,
      [this.#pair, id, winner],
    )
    return rows.length > 0
  }

  /** The records that a link has on a side, with the link's status. */
  linksOf(
    stream: string,
    side: SideName,
    record: string,
  ): Promise<{ readonly id: string; readonly status: string }[]> {
    return this.#session.rows<{ id: string; status: string }>(
      `SELECT id, status FROM reactor_connect.two_way_links
       WHERE pair = $1 AND stream = $2 AND ${side === 'a' ? 'id_a' : 'id_b'} COLLATE "C" = $3`,
      [this.#pair, stream, record],
    )
  }

  /** Links the record of an ambiguous link with a record of the other side, whose own link goes. */
  async join(link: string, side: SideName, record: string): Promise<void> {
    const column = side === 'a' ? 'id_a' : 'id_b'
    await this.#session.transaction([
      [
        `DELETE FROM reactor_connect.two_way_links
         WHERE pair = $1 AND id <> $2 AND ${column} = $3 AND status IN ('ambiguous', 'unlinked')
           AND stream = (SELECT stream FROM reactor_connect.two_way_links WHERE pair = $1 AND id = $2)`,
        [this.#pair, link, record],
      ],
      [
        `UPDATE reactor_connect.two_way_links SET status = 'linked', is_dirty = true, ${column} = $3,
           link = pg_catalog.jsonb_set(pg_catalog.jsonb_set(link::pg_catalog.jsonb,
             '{status}', '"linked"'), '{${side},id}', pg_catalog.to_jsonb($3::pg_catalog.text))::pg_catalog.json
         WHERE pair = $1 AND id = $2`,
        [this.#pair, link, record],
      ],
    ])
  }

  /** `linked`: it is written again, also what was refused, or created; `unlinked`: never again. */
  async setStatus(link: string, status: 'linked' | 'unlinked'): Promise<void> {
    await this.#session.rows(
      `UPDATE reactor_connect.two_way_links SET status = $3, is_dirty = true,
         link = jsonb_set(jsonb_set(jsonb_set(jsonb_set(link::jsonb, '{status}', to_jsonb($3::text)),
           '{writeTimes}', '[]'), '{a,refusal}', 'null'), '{b,refusal}', 'null')::json
       WHERE pair = $1 AND id = $2`,
      [this.#pair, link, status],
    )
  }

  /** All that happened to a record, the oldest first. */
  history(stream: string, side: SideName, record: string): Promise<RecordEvent[]> {
    return this.#session.rows<RecordEvent>(
      historySql.replace('$column', side === 'a' ? 'id_a' : 'id_b'),
      [this.#pair, stream, record],
    )
  }
}

const reviewsSql = `SELECT c.id, 'conflict' AS kind, c.link, c.stream, l.id_a AS record_a, l.id_b AS record_b,
    nullif(c.field, '') AS field, c.rule, c.value_a, c.value_b, c.base_a, c.base_b, c.found_at,
    c.decision, NULL AS reason
  FROM reactor_connect.two_way_conflicts c
  LEFT JOIN reactor_connect.two_way_links l ON l.pair = c.pair AND l.id = c.link
  WHERE c.pair = $1 AND c.status IN ('open', 'decided')
  UNION ALL
  SELECT id, CASE WHEN status = 'linked' THEN 'refused' ELSE status END, id, stream, id_a, id_b, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL,
    coalesce(link -> 'a' -> 'refusal' ->> 'reason', link -> 'b' -> 'refusal' ->> 'reason')
  FROM reactor_connect.two_way_links
  WHERE pair = $1 AND (status IN ('ambiguous', 'quarantined') OR (status = 'linked'
    AND (link -> 'a' -> 'refusal' ->> 'reason' IS NOT NULL OR link -> 'b' -> 'refusal' ->> 'reason' IS NOT NULL)))`

const historySql = `WITH own AS (
    SELECT id FROM reactor_connect.two_way_links WHERE pair = $1 AND stream = $2 AND $column COLLATE "C" = $3)
  SELECT h.written_at AS happened_at, 'write' AS kind, h.side, h.operation, h.values, h.before,
    NULL AS field, NULL AS rule, NULL AS winner, NULL::bool AS is_decided, NULL::json AS value_a,
    NULL::json AS value_b, NULL AS status
  FROM reactor_connect.two_way_history h JOIN own ON h.link = own.id WHERE h.pair = $1
  UNION ALL
  SELECT c.found_at, 'conflict', NULL, NULL, NULL, NULL, nullif(c.field, ''), c.rule, c.winner,
    c.is_decided, c.value_a, c.value_b, c.status
  FROM reactor_connect.two_way_conflicts c JOIN own ON c.link = own.id WHERE c.pair = $1
  ORDER BY happened_at, kind`
