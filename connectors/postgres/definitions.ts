import type { JsonValue } from '../../protocol/index.ts'
import type { SourceSession } from './session.ts'

/** The definitions of the tables, by the oid of the table: see `postgresDefinitionsMark`. */
export async function readDefinitions(
  session: SourceSession,
  oids: readonly number[],
): Promise<ReadonlyMap<number, JsonValue>> {
  const rows = await session.rows<{ readonly oid: number; readonly definitions: JsonValue }>(
    definitionsSql,
    [oids],
  )
  return new Map(rows.map(({ oid, definitions }) => [oid, definitions]))
}

/** The names of columns that an object of this class depends on. */
const columnsUsed = (catalog: string, object: string, table: string): string => `(
  SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_catalog.${catalog}'::regclass AND d.objid = ${object}
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = ${table} AND d.refobjsubid > 0)`

const columnsOf = (numbers: string, table: string): string => `(
  SELECT coalesce(json_agg(attname ORDER BY attnum), '[]') FROM pg_catalog.pg_attribute
  WHERE attrelid = ${table} AND attnum = ANY (${numbers}))`

/**
 * The fields of `IndexDefinition` that the index `i`, `ic` has. `con` is its constraint, if it has one.
 * NULLS NOT DISTINCT came with 15.
 */
const indexFields = `
  'method', am.amname, 'unique', i.indisunique,
  'nullsEqual', (to_jsonb(i.*) ->> 'indnullsnotdistinct')::boolean,
  'where', pg_get_expr(i.indpred, i.indrelid), 'options', to_json(ic.reloptions),
  'include', (SELECT json_agg(a.attname ORDER BY p.n) FROM generate_series(i.indnkeyatts::int, i.indnatts - 1) AS p(n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.n]),
  'keys', (
    SELECT json_agg(json_build_object(
      'column', a.attname,
      'expression', CASE WHEN i.indkey[p.n] = 0 THEN pg_get_indexdef(i.indexrelid, p.n + 1, false) END,
      'operators', CASE WHEN NOT oc.opcdefault THEN json_build_object('name', oc.opcname, 'extension', (
        SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_catalog.pg_opclass'::regclass AND d.objid = oc.oid
          AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e')) END,
      'collation', CASE WHEN i.indcollation[p.n] <> coalesce(a.attcollation, 100) THEN (
        SELECT collname FROM pg_catalog.pg_collation WHERE oid = i.indcollation[p.n]) END,
      'descending', i.indoption[p.n] & 1 = 1, 'nullsFirst', i.indoption[p.n] & 2 = 2,
      'operator', (SELECT oprname FROM pg_catalog.pg_operator WHERE oid = con.conexclop[p.n + 1])) ORDER BY p.n)
    FROM generate_series(0, i.indnkeyatts - 1) AS p(n)
    JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[p.n]
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.n] AND a.attnum > 0)`

/** A column whose values come from a sequence of its own: identity, or serial. */
const isNumbered = `(a.attidentity <> '' OR EXISTS (
  SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
    AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')))`

/** `PostgresDefinition`s of the tables of the oids $1; only of columns that the role may read. */
const definitionsSql = `
WITH definitions AS (
  SELECT a.attrelid AS oid, 0 AS place, a.attname::text AS name,
    json_build_object('kind', 'collation', 'columns', json_build_array(a.attname), 'name', co.collname) AS definition
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    AND co.collname <> 'default' AND (t.typtype = 'd' OR a.attcollation <> t.typcollation)
  UNION ALL
  SELECT i.indrelid, 1, ic.relname::text, json_build_object('kind', 'index', 'name', ic.relname,
    'columns', ${columnsUsed('pg_class', 'i.indexrelid', 'i.indrelid')}, ${indexFields})
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = ic.relam
  LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
  WHERE i.indrelid = ANY ($1::oid[]) AND NOT i.indisprimary AND i.indisvalid AND con.oid IS NULL
  UNION ALL
  SELECT con.conrelid, 2, con.conname::text, json_build_object('kind', CASE con.contype WHEN 'u' THEN 'unique' ELSE 'exclusion' END, 'name', con.conname,
    'columns', ${columnsUsed('pg_constraint', 'con.oid', 'con.conrelid')},
    'delay', CASE WHEN con.condeferred THEN 'deferred' WHEN con.condeferrable THEN 'deferrable' END, ${indexFields})
  FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_index i ON i.indexrelid = con.conindid
  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = ic.relam
  WHERE con.conrelid = ANY ($1::oid[]) AND con.contype IN ('u', 'x')
  UNION ALL
  SELECT con.conrelid, 3, con.conname::text, json_build_object('kind', CASE con.contype WHEN 'c' THEN 'check' ELSE 'foreign_key' END, 'name', con.conname,
    'columns', ${columnsOf('con.conkey', 'con.conrelid')}, 'expression', pg_get_expr(con.conbin, con.conrelid))
  FROM pg_catalog.pg_constraint con
  WHERE con.conrelid = ANY ($1::oid[]) AND (con.contype = 'c' AND con.convalidated OR con.contype = 'f')
  UNION ALL
  SELECT a.attrelid, 4, a.attname::text, CASE WHEN ${isNumbered} THEN json_build_object('kind', 'identity', 'columns', json_build_array(a.attname))
    ELSE json_build_object('kind', 'default', 'columns', json_build_array(a.attname), 'expression', pg_get_expr(ad.adbin, ad.adrelid)) END
  FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND (a.atthasdef OR a.attidentity <> '')
  UNION ALL
  SELECT d.objoid, 5, coalesce(a.attname, '')::text, json_build_object('kind', 'comment', 'text', d.description,
    'columns', CASE WHEN a.attname IS NULL THEN '[]'::json ELSE json_build_array(a.attname) END)
  FROM pg_catalog.pg_description d LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
  WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = ANY ($1::oid[])
)
SELECT oid::int8::float8 AS oid, json_agg(json_strip_nulls(definition) ORDER BY place, name COLLATE "C") AS definitions
FROM definitions GROUP BY definitions.oid`
