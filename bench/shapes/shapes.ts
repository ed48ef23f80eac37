import { ordersTable } from '../replicate/source-table.ts'
import type { TableShape } from '../table-shape.ts'
import { wideTable } from './wide-table.ts'

export const shapeNames = ['columns12', 'integers', 'wide', 'large', 'many'] as const
export type ShapeName = (typeof shapeNames)[number]

/**
 * How the engine loads. `append_dedup_second` and `overwrite_existing` find the table as the mode before them
 * left it.
 */
export type Mode =
  'append' | 'append_dedup_first' | 'append_dedup_second' | 'overwrite_new' | 'overwrite_existing'

export interface Shape {
  readonly name: ShapeName
  readonly tables: readonly TableShape[]
  /**
   * The modes of a case are run one after the other, by the same connection; each case begins with nothing.
   */
  readonly cases: readonly (readonly Mode[])[]
}

/** `scale`: 1 is the size that figures are quoted for. */
export function shapeOf(name: ShapeName, scale: number): Shape {
  return { name, ...shapes[name]((count) => Math.max(1, Math.round(count * scale))) }
}

const shapes: Readonly<
  Record<ShapeName, (scaled: (count: number) => number) => Omit<Shape, 'name'>>
> = {
  columns12: (scaled) => ({
    tables: [ordersTable(scaled(1_000_000))],
    cases: [['append'], ['append_dedup_first', 'append_dedup_second']],
  }),
  integers: (scaled) => ({
    tables: [integersTable(scaled(5_000_000))],
    cases: [['append'], ['overwrite_new', 'overwrite_existing']],
  }),
  wide: (scaled) => ({
    tables: [wideTable(scaled(50_000))],
    cases: [['append'], ['overwrite_new']],
  }),
  large: (scaled) => ({
    tables: [largeTable(scaled(200))],
    cases: [['append'], ['overwrite_new']],
  }),
  many: (scaled) => ({
    tables: manyTables(scaled(300)),
    cases: [['append'], ['overwrite_new']],
  }),
}

function integersTable(rows: number): TableShape {
  return {
    name: 'bench_integers',
    columns: 'a integer NOT NULL, b integer NOT NULL',
    rows,
    values: 'n, (n::bigint * 7919) % 1000003',
  }
}

/** 11,000 objects of 90 bytes a row: 1 MB, which compresses as documents do. */
function largeTable(rows: number): TableShape {
  return {
    name: 'bench_documents',
    columns: 'id bigint NOT NULL, document jsonb NOT NULL',
    key: 'id',
    rows,
    values: `n, (
      SELECT jsonb_agg(jsonb_build_object('id', i, 'name', 'item ' || i % 97, 'sum', md5(n || '-' || i), 'price', (i * 7 + n) % 9973))
        FROM generate_series(1, 11000) AS i)`,
  }
}

/** Tables of 100 rows. */
export function manyTables(count: number): readonly TableShape[] {
  return Array.from({ length: count }, (_, index) => smallTable(index))
}

function smallTable(index: number): TableShape {
  return {
    name: `bench_small_${String(index).padStart(3, '0')}`,
    columns: 'id bigint NOT NULL, name text NOT NULL, at timestamptz NOT NULL',
    key: 'id',
    rows: 100,
    values: `n, md5(n || '-${String(index)}'), timestamptz '2020-01-01 00:00:00Z' + n * interval '1.5 seconds'`,
  }
}
