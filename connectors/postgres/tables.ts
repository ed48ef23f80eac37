import type { ColumnType } from './column-types.ts'
import { operatorSchemaOf } from '../../postgres/search-path.ts'
import type { SourceSession } from './session.ts'

/** A table, view or foreign table that the role may read, as the database's catalog describes it. */
export interface Table {
  readonly schema: string
  readonly name: string
  readonly oid: number
  /** pg_class.relkind: r table, p partitioned, v view, m materialized view, f foreign table. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f'
  /** Only the columns that the role may read, in their order. */
  readonly columns: readonly TableColumn[]
  /**
   * Columns of the primary key, else of the smallest unique index over columns that are never NULL; empty
   * without one.
   */
  readonly key: readonly string[]
}

export interface TableColumn {
  readonly name: string
  readonly notNull: boolean
  readonly type: ColumnType
  readonly identity: ColumnIdentity
}

/**
 * By what the catalog knows a column, whatever its name is: its number in the table, its type (of a domain:
 * the base type) and that type's modifier.
 */
export type ColumnIdentity = readonly [number: number, type: number, modifier: number]

/**
 * All readable tables of the schemas (default: all but the system's), sorted by schema and name, some at a
 * time: a database may have a hundred thousand. Partitions are read through their root.
 */
export function listTables(
  session: SourceSession,
  schemas: readonly string[] | undefined,
): AsyncGenerator<readonly Table[]> {
  return tablesWhere(session, { schemas: schemas ?? null, names: null })
}

/** Whether `listTables` would list one. */
export async function hasTables(
  session: SourceSession,
  schemas: readonly string[] | undefined,
): Promise<boolean> {
  const rows = await session.rows(
    `SELECT ${fromListed}
        AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND has_column_privilege(a.attrelid, a.attnum, 'SELECT'))
      LIMIT 1`,
    [schemas ?? null],
  )
  return rows.length > 0
}

interface Unread {
  /** Tables that have no columns. */
  readonly empty: readonly string[]
  /** Tables of which the role may read nothing … */
  readonly forbidden: readonly string[]
  /** … and columns that it may not read, of tables that are listed. */
  readonly columns: readonly string[]
}

/** The tables that exist and are not listed. */
export async function listUnread(
  session: SourceSession,
  schemas: readonly string[] | undefined,
): Promise<Unread> {
  const rows = await session.rows<{
    readonly name: string
    readonly columns: number
    readonly forbidden: readonly string[]
  }>(
    `SELECT n.nspname || '.' || c.relname AS name, a.columns, a.forbidden
       FROM (SELECT c.oid ${fromListed}) l JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS columns, coalesce(array_agg(attname::text ORDER BY attnum)
                  FILTER (WHERE NOT has_column_privilege(attrelid, attnum, 'SELECT')), '{}') AS forbidden
           FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
      WHERE a.columns = 0 OR cardinality(a.forbidden) > 0
      ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    [schemas ?? null],
  )
  const isWhole = (row: (typeof rows)[number]): boolean => row.forbidden.length === row.columns
  return {
    empty: rows.filter(({ columns }) => columns === 0).map(({ name }) => name),
    forbidden: rows.filter((row) => row.columns > 0 && isWhole(row)).map(({ name }) => name),
    columns: rows
      .filter((row) => !isWhole(row))
      .flatMap(({ name, forbidden }) => forbidden.map((column) => `${name}.${column}`)),
  }
}

/** One readable table by its exact name, or undefined. */
export async function findTable(
  session: SourceSession,
  schema: string,
  name: string,
): Promise<Table | undefined> {
  const [table] = await findTables(session, [schema], [name])
  return table
}

/** The tables with these names in these schemas, as far as they exist. */
export async function findTables(
  session: SourceSession,
  schemas: readonly string[],
  names: readonly string[],
): Promise<readonly Table[]> {
  const found: Table[] = []
  for await (const tables of tablesWhere(session, { schemas, names })) found.push(...tables)
  return found
}

/**
 * Columns that one statement describes. Each takes some 400 bytes, and 30 kB if its enum has 500 long labels:
 * a response of more than 256 MB ends the session.
 */
const columnsAtOnce = 5_000

async function* tablesWhere(
  session: SourceSession,
  filter: { readonly schemas: readonly string[] | null; readonly names: readonly string[] | null },
): AsyncGenerator<readonly Table[]> {
  const listed = await session.rows<ListedTable>(
    `SELECT c.oid::int8::float8 AS oid, c.relnatts AS columns ${fromListed}
        AND ($2::text[] IS NULL OR c.relname = ANY ($2::text[]))
      ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    [filter.schemas, filter.names],
  )
  for (const oids of byColumns(listed)) {
    const rows = await session.rows<Table>(tablesSql, [oids])
    yield rows.filter(({ columns }) => columns.length > 0)
  }
}

interface ListedTable {
  readonly oid: number
  readonly columns: number
}

/** Their oids, in groups that one statement describes. */
function byColumns(tables: readonly ListedTable[]): readonly (readonly number[])[] {
  const groups: number[][] = []
  let columnsOfLast = Number.POSITIVE_INFINITY
  for (const { oid, columns } of tables) {
    if (columnsOfLast + columns > columnsAtOnce) {
      groups.push([])
      columnsOfLast = 0
    }
    groups.at(-1)?.push(oid)
    columnsOfLast += columns
  }
  return groups
}

const isArray = (type: string): string =>
  `${type}.typelem <> 0 AND ${type}.typlen = -1 AND ${type}.typcategory = 'A'`

/** An enum of more labels is described as text: each of its columns would have them all. */
const mostLabels = 500

const labelsOf = (type: string): string => `(
  SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
  FROM pg_catalog.pg_enum e WHERE ${type}.typtype = 'e' AND e.enumtypid = ${type}.oid
  HAVING count(*) <= ${String(mostLabels)})`

/** The length, precision or fields that a column gives its type: of an array, those of its elements. */
const modifier = 'coalesce(base.typmod, a.atttypmod)'

/** `UnitType` of the type `u`, with this modifier; `t` is the column's own type. */
const unitOf = (
  typmod: string,
): string => `json_build_object('schema', n.nspname, 'name', u.typname, 'kind', u.typtype,
    'formatted', format_type(u.oid, ${typmod}),
    'modifier', substr(format_type(u.oid, ${typmod}), length(format_type(u.oid, NULL)) + 1),
    'labels', CASE WHEN u.oid <> t.oid THEN ${labelsOf('u')} END,
    'extension', CASE WHEN n.nspname <> 'pg_catalog' THEN (
      SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = u.oid
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e') END)`

/** `UnitType` of the type `t`. The elements of an array of a domain count as the domain's base type. */
const unitType = `CASE WHEN ${isArray('t')} AND EXISTS (SELECT FROM pg_catalog.pg_type d WHERE d.oid = t.typelem AND d.typtype = 'd') THEN (
  WITH RECURSIVE element AS (
    SELECT typbasetype AS oid, typtypmod AS typmod FROM pg_catalog.pg_type WHERE oid = t.typelem
    UNION ALL
    SELECT d.typbasetype, d.typtypmod FROM element JOIN pg_catalog.pg_type d ON d.oid = element.oid WHERE d.typtype = 'd')
  SELECT ${unitOf('element.typmod')}
  FROM element JOIN pg_catalog.pg_type u ON u.oid = element.oid JOIN pg_catalog.pg_namespace n ON n.oid = u.typnamespace
  WHERE u.typtype <> 'd') ELSE (
  SELECT ${unitOf(modifier)}
  FROM pg_catalog.pg_type u JOIN pg_catalog.pg_namespace n ON n.oid = u.typnamespace
  WHERE u.oid = CASE WHEN ${isArray('t')} THEN t.typelem ELSE t.oid END) END`

/** `InnerType` of an oid. */
const innerType = (oid: string): string => `(
  SELECT json_build_object('schema', n.nspname, 'name', i.typname, 'kind', i.typtype,
    'isArray', ${isArray('i')}, 'labels', ${labelsOf('i')})
  FROM pg_catalog.pg_type i JOIN pg_catalog.pg_namespace n ON n.oid = i.typnamespace
  WHERE i.oid = ${oid})`

/**
 * pg_class c with its pg_namespace n, in the schemas of $1 (NULL: all): relations that do not belong to the
 * system or a session, and are not a part of another table.
 */
const fromListed = `
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND has_schema_privilege(n.oid, 'USAGE')
    AND ($1::text[] IS NULL OR n.nspname = ANY ($1::text[]))`

/**
 * Describes the tables of the oids $1, as `Table`. `base`: every type with the type it is made of (a domain
 * over a domain over text: text), and the length that a domain gives that. `keys`: unique indexes that cover
 * whole, never-NULL columns in the columns' own collation. A NOT NULL that is not validated (PostgreSQL 18)
 * does not count: rows from before it may be NULL. Nor does that of a domain: an outer join gives NULL of any
 * type, and INSERT can store it.
 */
const tablesSql = `
WITH RECURSIVE tables AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY ($1::oid[])
), base AS (
  SELECT DISTINCT a.atttypid AS type, a.atttypid AS oid, NULL::int AS typmod
  FROM tables JOIN pg_catalog.pg_attribute a ON a.attrelid = tables.oid
  WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT base.type, t.typbasetype, t.typtypmod
  FROM base JOIN pg_catalog.pg_type t ON t.oid = base.oid
  WHERE t.typtype = 'd'
), columns AS (
  SELECT a.attrelid, json_agg(json_build_object(
    'name', a.attname,
    'notNull', a.attnotnull AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint nn
      WHERE nn.conrelid = a.attrelid AND nn.contype = 'n' AND NOT nn.convalidated AND a.attnum = ANY (nn.conkey)),
    'identity', json_build_array(a.attnum, t.oid::int8, ${modifier}),
    'type', json_build_object(
      'schema', tn.nspname, 'name', t.typname, 'kind', t.typtype,
      'isArray', ${isArray('t')},
      'declared', format_type(t.oid, ${modifier}) || CASE
        WHEN a.attcollation IS DISTINCT FROM t.typcollation AND co.oid IS NOT NULL
        THEN format(' COLLATE %s%I', CASE WHEN cn.nspname <> 'pg_catalog' THEN quote_ident(cn.nspname) || '.' END, co.collname)
        ELSE '' END,
      'isDeterministic', coalesce(co.collisdeterministic, true),
      'isOrderable', t.typtype IN ('e', 'r', 'm') OR t.typname = 'varchar' OR EXISTS (
        SELECT FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod
        WHERE am.amname = 'btree' AND oc.opcdefault AND oc.opcintype = t.oid),
      'operators', ${operatorSchemaOf('t.oid')},
      'labels', ${labelsOf('t')},
      'unit', ${unitType},
      'element', CASE WHEN a.attndims < 2 THEN ${innerType('t.typelem')} END,
      'fields', (
        SELECT json_agg(json_build_object('name', f.attname, 'type', ${innerType('f.atttypid')}) ORDER BY f.attnum)
        FROM pg_catalog.pg_attribute f
        WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped)
    )) ORDER BY a.attnum) AS columns
  FROM tables
  JOIN pg_catalog.pg_attribute a ON a.attrelid = tables.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN base ON base.type = a.atttypid
  JOIN pg_catalog.pg_type t ON t.oid = base.oid AND t.typtype <> 'd'
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
  WHERE has_column_privilege(a.attrelid, a.attnum, 'SELECT')
  GROUP BY a.attrelid
), keys AS (
  SELECT DISTINCT ON (i.indrelid) i.indrelid, k.names
  FROM tables
  JOIN pg_catalog.pg_index i ON i.indrelid = tables.oid
  CROSS JOIN LATERAL (
    SELECT json_agg(a.attname ORDER BY p.n) AS names, count(a.attname) AS found
    FROM generate_series(0, i.indnkeyatts - 1) AS p(n)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.n]
      AND a.attnum > 0 AND a.attnotnull AND a.attcollation = i.indcollation[p.n]
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint nn
        WHERE nn.conrelid = i.indrelid AND nn.contype = 'n' AND NOT nn.convalidated AND a.attnum = ANY (nn.conkey))
  ) k
  WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.found = i.indnkeyatts
  ORDER BY i.indrelid, i.indisprimary DESC, i.indisreplident DESC, i.indnkeyatts, i.indexrelid
)
SELECT tables.nspname::text AS schema, tables.relname::text AS name, tables.oid::int8::float8 AS oid,
  tables.relkind::text AS kind, coalesce(columns.columns, '[]') AS columns, coalesce(keys.names, '[]') AS key
FROM tables
LEFT JOIN columns ON columns.attrelid = tables.oid
LEFT JOIN keys ON keys.indrelid = tables.oid
ORDER BY tables.nspname COLLATE "C", tables.relname COLLATE "C"`
