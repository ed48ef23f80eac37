import type { TestDatabase } from './postgres.ts'

type Queried = Pick<TestDatabase, 'query'>

/**
 * 15 tables with every type that a table of the destination can have too; the last column is one that it
 * cannot.
 */
export const everyType = `
  CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube;
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
  CREATE TYPE "Order State" AS ENUM ('new', 'done');
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN short AS varchar(10);
  CREATE DOMAIN mood_of_day AS mood;
  CREATE TABLE numbers (id integer PRIMARY KEY, s smallint NOT NULL, b bigint, r real, d double precision, n numeric, n2 numeric(10,2), n3 numeric(5,-2), m money, o oid, t boolean);
  INSERT INTO numbers VALUES (1, -32768, 9223372036854775807, 0.1, 'NaN', '1e40', 12345678.90, 12300, -12.34, 4294967295, true),
    (2, 32767, -9223372036854775808, '-Infinity', '-0', 'Infinity', -0.01, -99900, 0, 0, false), (3, 0, NULL, '3.4028235e38', 5e-324, 0.1000000000000000055, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE texts (code varchar(20) PRIMARY KEY, a text, v varchar, c char(5), p bpchar, n name, q "char");
  INSERT INTO texts VALUES ('a', E'tab\\tline\\nback\\\\slash', '', 'ab', 'x ', 'name', 'c'), ('b', NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE times (day date PRIMARY KEY, t time, t3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), tt timestamptz, tt0 timestamptz(0), i interval, i3 interval(3), id interval day to second(2));
  INSERT INTO times VALUES ('infinity', '24:00', '12:34:56.789', '10:00+02', '0044-03-15 BC', '2024-02-29 23:59:59.999', '2024-02-29 23:59:59.999999+14', 'infinity', '1 year -2 days 03:04:05.6789', '1.2345 seconds', '3 days 01:02:03.45'),
    ('2024-02-29', '00:00', NULL, NULL, 'infinity', NULL, '0001-01-01 00:00Z', NULL, '-1 mon', NULL, NULL);
  CREATE TABLE networks (address inet PRIMARY KEY, c cidr, m macaddr, m8 macaddr8);
  INSERT INTO networks VALUES ('10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'), ('::1/64', NULL, NULL, NULL);
  CREATE TABLE documents (id uuid PRIMARY KEY, j json, jb jsonb, p jsonpath, x xml);
  INSERT INTO documents VALUES ('6ecd8c99-4036-403d-bf84-cf8400f67836', '{"b": 1,  "a": "\\u0041", "b": [null]}', '{"b": 1, "a": [1.50]}', '$.a[*]', '<a>text &amp; more</a>'),
    ('00000000-0000-0000-0000-000000000000', 'null', 'null', NULL, NULL);
  CREATE TABLE bits (key bit(3) PRIMARY KEY, one bit, v bit varying, v8 varbit(8), bytes bytea);
  INSERT INTO bits VALUES ('101', '1', '1010101', '11', '\\x00ff5c'), ('000', NULL, '', NULL, '');
  CREATE TABLE pairs (a uuid, b integer, note text, PRIMARY KEY (b, a));
  INSERT INTO pairs VALUES ('6ecd8c99-4036-403d-bf84-cf8400f67836', 1, 'x'), ('6ecd8c99-4036-403d-bf84-cf8400f67836', 2, NULL);
  CREATE TABLE arrays (id smallint PRIMARY KEY, i int[], t text[], v varchar(5)[], n numeric(6,2)[], u uuid[], tt timestamptz[], j jsonb[], b boolean[], ii int[][], a inet[], f float8[], y bytea[], d interval[]);
  INSERT INTO arrays VALUES (1, '{1,NULL,-3}', '{"a,b",NULL,"NULL","q\\"uote",""}', '{abc}', '{1.50}', '{6ecd8c99-4036-403d-bf84-cf8400f67836}', '{infinity,2024-02-29 12:00Z}', ARRAY['{"a": 1}'::jsonb], '{t,f}', '{{1,2},{3,4}}', '{10.0.0.1}', '{NaN,0.1}', ARRAY['\\x00ff'::bytea], '{1 mon 2 days}'),
    (2, '[0:1]={7,8}', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE ranges (r int4range PRIMARY KEY, r8 int8range, n numrange, d daterange, t tsrange, tz tstzrange, m int4multirange, mn nummultirange, mt tstzmultirange, ar int4range[]);
  INSERT INTO ranges VALUES ('[1,5)', '[1,)', '(0.5,1.5]', '[2024-01-01,infinity)', '[2024-01-01 10:00,)', '(,2024-01-01 10:00Z]', '{[1,2),[5,7)}', '{}', '{[2024-01-01 10:00Z,)}', '{"[1,2)"}'), ('empty', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE searches (id bigint PRIMARY KEY, v tsvector, q tsquery);
  INSERT INTO searches VALUES (1, to_tsvector('simple', 'a fat cat'), 'fat & !rat:AB'), (2, NULL, NULL);
  CREATE TABLE shapes (id int PRIMARY KEY, p point, l line, s lseg, b box, path path, poly polygon, c circle, boxes box[]);
  INSERT INTO shapes VALUES (1, '(1,2)', '{1,2,3}', '[(1,2),(3,4)]', '(3,4),(1,2)', '((1,2),(3,4))', '((0,0),(1,1),(1,0))', '<(1,2),3>', '{(3,4),(1,2);(5,6),(1,2)}'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE moods (now mood, n int, state "Order State", all_moods mood[], grid mood[][], PRIMARY KEY (now, n));
  INSERT INTO moods VALUES ('it''s ok', 1, 'done', '{sad,NULL,"it''s ok"}', '[0:1][1:2]={{sad,happy},{NULL,"it''s ok"}}'), ('happy', 2, NULL, NULL, NULL);
  CREATE TABLE extended (name citext PRIMARY KEY, h hstore, l ltree, c cube, names citext[], hs hstore[]);
  INSERT INTO extended VALUES ('Abc', 'a=>1, b=>NULL, "c d"=>"x\\"y"', 'top.sub_1', '(1,2),(3,4)', '{A,b}', ARRAY['a=>1'::hstore]), ('b', '', NULL, NULL, NULL, NULL);
  CREATE TABLE domains (id positive PRIMARY KEY, s short, m mood_of_day, many positive[], shorts short[], ms mood_of_day[]);
  INSERT INTO domains VALUES (1, 'x', 'sad', '{1,NULL,3}', '{{a,b},{"c,d",NULL}}', '{happy}'), (2, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE others (id pg_lsn PRIMARY KEY, x xid8, s pg_snapshot, composite pair, class regclass, money_list money[]);
  INSERT INTO others VALUES ('0/16B3748', '123', '10:20:10,14', '(1,"a b")', 'pg_class', '{1.50}'), ('0/0', NULL, NULL, NULL, NULL, NULL)`

/** Columns that no other database can have, or whose text only means something in their own. */
export const portable = { composite: 'jsonb', class: 'text', money_list: 'jsonb' } as const

/** Domains as their base types, also in arrays. */
const columnsSql = `SELECT c.relname AS "table", a.attname AS name, t.typtype,
          CASE WHEN e.oid IS NOT NULL THEN format_type(e.typbasetype, e.typtypmod) || '[]'
               WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(t.oid, a.atttypmod) END AS type
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typtype = 'd'
   WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE '\\_airbyte%'
   ORDER BY c.relname, a.attname`

interface TypeRow {
  readonly table: string
  readonly name: string
  readonly type: string
}

export async function typesOf(db: Queried, schema: string): Promise<readonly string[]> {
  const rows = (await db.query(columnsSql, [schema])) as unknown as readonly TypeRow[]
  return rows.map(({ table, name, type }) => `${table}.${name} ${type.replace(`${schema}.`, '')}`)
}

export async function keysOf(db: Queried, schema: string): Promise<readonly unknown[]> {
  return db.query(
    `SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS key FROM pg_constraint
      WHERE contype = 'p' AND connamespace = $1::regnamespace ORDER BY 1`.replace(
      'conrelid::regclass::text',
      `(SELECT relname FROM pg_class WHERE oid = conrelid)`,
    ),
    [schema],
  )
}

/** Every row as the texts of its columns. */
export async function rowsOf(
  db: Queried,
  schema: string,
): Promise<Readonly<Record<string, unknown>>> {
  const rows = (await db.query(columnsSql, [schema])) as unknown as readonly TypeRow[]
  const names = Map.groupBy(rows, ({ table }) => table)
  const contents: Record<string, unknown> = {}
  for (const [table, columns] of names) {
    const texts = columns
      .filter(({ name }) => !(name in portable))
      .map(({ name }) => `"${name}"::text`)
      .join(', ')
    const found = await db.query(
      `SELECT jsonb_build_array(${texts}) AS row FROM ${schema}.${table}`,
    )
    contents[table] = found.map(({ row }) => JSON.stringify(row)).toSorted()
  }
  return contents
}
