import type { TestDatabase } from '../../../support/postgres.ts'
import type { ShopTable } from './topic-shop.ts'

/** A table with the usual types. */
export const goods: ShopTable = {
  name: 'goods',
  columns: [
    'name text',
    'amount numeric(12,2)',
    'active boolean',
    'score double precision',
    'born date',
    'seen_at timestamptz',
    'planned_at timestamp',
    'opens_at time',
    'attributes jsonb',
    'picture bytea',
  ],
}

/** Rows `from` to `to`, every fifth value of a column NULL. */
export async function insertGoods(database: TestDatabase, from: number, to: number): Promise<void> {
  await database.query(
    `INSERT INTO goods (id, name, amount, active, score, born, seen_at, planned_at, opens_at, attributes, picture)
     SELECT n,
            CASE WHEN n % 5 <> 0 THEN 'Łódź "' || n || E'"\\n' END,
            CASE WHEN n % 5 <> 1 THEN n / 100.0 END,
            CASE WHEN n % 5 <> 2 THEN n % 2 = 0 END,
            CASE WHEN n % 5 <> 3 THEN n / 7.0 END,
            CASE WHEN n % 5 <> 4 THEN date '1900-01-01' + n END,
            CASE WHEN n % 5 <> 0 THEN timestamptz '2020-01-01 00:00:00Z' + n * interval '1.000013 s' END,
            CASE WHEN n % 5 <> 1 THEN timestamp '1960-02-29 23:59:59' + n * interval '1.5 days' END,
            CASE WHEN n % 5 <> 2 THEN time '00:00:00.000001' + n * interval '1 s' END,
            CASE WHEN n % 5 <> 3 THEN jsonb_build_object('a', n, 'b', jsonb_build_array(n, NULL, 'x')) END,
            CASE WHEN n % 5 <> 4 THEN decode(md5(n::text), 'hex') END
       FROM generate_series($1::int, $2::int) AS n`,
    [from, to],
  )
}

/** Changes a part of the rows that are there. */
export async function updateGoods(database: TestDatabase, every: number): Promise<void> {
  await database.query(
    `UPDATE goods SET amount = coalesce(amount, 0) + 1, name = NULL, updated_at = clock_timestamp()
      WHERE id % $1 = 0`,
    [every],
  )
}

/** The source marks them; readers are to see that they are gone. */
export async function deleteGoods(database: TestDatabase, every: number): Promise<void> {
  await database.query(
    `UPDATE goods SET _ab_cdc_deleted_at = now(), updated_at = clock_timestamp() WHERE id % $1 = 0`,
    [every],
  )
}

/** The rows that readers are to have, with all columns that a table of a reader has too. */
export const goodsRows = `SELECT ${goodsColumns()} FROM goods WHERE _ab_cdc_deleted_at IS NULL`

/** The names of the columns of `goods`, as they are or as `expressions` say. */
export function goodsColumns(expressions: Readonly<Record<string, string>> = {}): string {
  const names = goods.columns.map((column) => column.split(' ')[0] ?? '')
  return ['id', ...names, 'updated_at'].map((name) => expressions[name] ?? name).join(', ')
}
