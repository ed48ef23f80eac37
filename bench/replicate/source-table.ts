import { createEmpty, createFilled, type TableKind, type TableShape } from '../table-shape.ts'

export const benchTable = 'bench_orders'
/** The table that the COPY pipe loads. */
export const pipeTable = `pipe_${benchTable}`

/** The benchmark's rows: 12 typical columns, about 223 bytes as COPY text and 300 to 360 as JSON. */
export function ordersTable(rows: number): TableShape {
  return {
    name: benchTable,
    columns: `
      id bigint NOT NULL,
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
      note text`,
    key: 'id',
    rows,
    values: `
      n,
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
      END`,
  }
}

export function createSourceTable(rows: number): readonly string[] {
  return createFilled(ordersTable(rows))
}

/** The same table, empty, for the COPY pipe. */
export function createPipeTable(kind: TableKind): readonly string[] {
  return createEmpty({ ...ordersTable(0), name: pipeTable }, kind)
}
