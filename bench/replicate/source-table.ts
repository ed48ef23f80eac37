/**
 * The benchmark's rows: 12 typical columns, about 223 bytes as COPY text and 300 to 360 as JSON. Made by Postgres from the row
 * number alone, so that every machine measures the same bytes.
 */
const columns = `
  id bigint PRIMARY KEY,
  account_id integer NOT NULL,
  email text NOT NULL,
  name text,
  amount numeric(12, 2),
  active boolean,
  verified boolean NOT NULL,
  score double precision,
  born date,
  created_at timestamptz NOT NULL,
  attributes jsonb,
  note text`

export const benchTable = 'bench_orders'

export function createSourceTable(rows: number): readonly string[] {
  return [
    `DROP TABLE IF EXISTS ${benchTable}`,
    `CREATE TABLE ${benchTable} (${columns})`,
    `INSERT INTO ${benchTable}
     SELECT n,
            (n::bigint * 7919) % 100000,
            'user' || n || '@example-' || n % 97 || '.com',
            CASE WHEN n % 11 = 0 THEN NULL ELSE (ARRAY['Ada Lovelace', 'Grace Hopper', 'Łukasz Żółć', '山田太郎', 'Zoë O''Neill'])[1 + n % 5] END,
            CASE WHEN n % 13 = 0 THEN NULL ELSE ((n::bigint * 104729) % 100000000) / 100.0 END,
            CASE WHEN n % 7 = 0 THEN NULL ELSE n % 2 = 0 END,
            n % 3 = 0,
            (n % 10007) / 7.0,
            CASE WHEN n % 17 = 0 THEN NULL ELSE date '1950-01-01' + (n % 20000)::int END,
            timestamptz '2020-01-01 00:00:00Z' + n * interval '1.000013 seconds',
            jsonb_build_object('plan', (ARRAY['free', 'team', 'enterprise'])[1 + n % 3], 'seats', n % 500, 'tags', jsonb_build_array('t' || n % 19, 'u' || n % 23)),
            CASE n % 20
              WHEN 0 THEN E'first line\\nsecond\\tline \\\\ end'
              WHEN 1 THEN NULL
              ELSE 'Lorem ipsum dolor sit amet ' || n % 1009
            END
       FROM generate_series(1, ${rows}) AS n`,
    `VACUUM (ANALYZE, FREEZE) ${benchTable}`,
  ]
}

/** The same table, empty, with the same key: what the COPY pipe loads. */
export function createPipeTable(): readonly string[] {
  return [`DROP TABLE IF EXISTS pipe_${benchTable}`, `CREATE TABLE pipe_${benchTable} (${columns})`]
}
