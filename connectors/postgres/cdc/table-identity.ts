import type { QueryResultRow } from 'pg'

/** A table as change data capture sees it. */
export interface TableIdentity {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** False for an unlogged table: its changes are not in the log. */
  readonly isLogged: boolean
  /**
   * The part of a row that its update or delete shows: its `key`, the `full` row, or `nothing`. Then neither
   * may be published.
   */
  readonly identity: 'key' | 'full' | 'nothing'
  /** The columns of the key; for `full` and `nothing` those of the primary key, if there is one. */
  readonly key: readonly string[]
  /** Columns whose values the log does not have. */
  readonly generated: readonly string[]
  readonly columns: readonly TableColumn[]
}

/**
 * A column by its number, which no other column of the table ever gets. `fills`: rows that were there before
 * it may have a value in it, which is never in the log.
 */
export interface TableColumn {
  readonly name: string
  readonly number: number
  readonly type: number
  readonly modifier: number
  readonly fills: boolean
}

interface Rows {
  rows<R extends QueryResultRow>(sql: string, parameters: readonly unknown[]): Promise<R[]>
}

/** The tables with these oids. A deferrable key is no identity. */
export async function tableIdentities(
  session: Rows,
  oids: readonly number[],
): Promise<TableIdentity[]> {
  return session.rows<TableIdentity>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.relpersistence = 'p' AS "isLogged",
       CASE WHEN c.relreplident = 'f' THEN 'full'
            WHEN c.relreplident IN ('d', 'i') AND k.names IS NOT NULL THEN 'key' ELSE 'nothing' END AS identity,
       coalesce(k.names, '[]') AS key, g.names AS generated, g.columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN LATERAL (
       SELECT json_agg(a.attname ORDER BY p.n) AS names
         FROM pg_index i, generate_series(0, i.indnkeyatts - 1) AS p(n), pg_attribute a
        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
          AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
          AND a.attrelid = c.oid AND a.attnum = i.indkey[p.n]) k ON true
     CROSS JOIN LATERAL (
       SELECT coalesce(json_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attgenerated = 'v'
                OR (a.attgenerated = 's' AND current_setting('server_version_num')::int < 180000)), '[]') AS names,
              coalesce(json_agg(json_build_object('name', a.attname, 'number', a.attnum, 'type', a.atttypid::int8,
                'modifier', a.atttypmod, 'fills', a.atthasmissing OR a.atthasdef OR a.attidentity <> '') ORDER BY a.attnum), '[]') AS columns
         FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) g
     WHERE c.oid = ANY ($1::oid[]) ORDER BY c.oid`,
    [oids],
  )
}

/** The tables with these names that have a log of changes. One that is not there is left out. */
export async function tablesNamed(
  session: Rows,
  places: readonly { readonly schema: string; readonly name: string }[],
): Promise<TableIdentity[]> {
  const found = await session.rows<{ oid: number }>(
    `SELECT c.oid::int8::float8 AS oid FROM unnest($1::text[], $2::text[]) AS w(schema, name)
       JOIN pg_namespace n ON n.nspname = w.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
      WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'`,
    [places.map(({ schema }) => schema), places.map(({ name }) => name)],
  )
  return await tableIdentities(
    session,
    found.map(({ oid }) => oid),
  )
}
