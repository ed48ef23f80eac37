import { quoteIdentifier, quoteQualified } from '../../postgres/quote.ts'
import type { SourceSession } from './session.ts'
import type { SourceColumn, StreamSource } from './stream-source.ts'

/** The number of ranges, and the approximate number of rows. */
export interface Split {
  readonly ranges: number
  readonly rows: number
}

/** Rows that are enough to place the bounds within a few percent. */
const sampleRows = 10_000
const integers = new Set(['int2', 'int4', 'int8'])

/**
 * Keys that split the table into about equal ranges, ascending; fewer if the table does not have enough.
 * Tried in this order: the planner's histogram, the smallest and largest integer, a sample of pages.
 */
export async function rangeBounds(
  session: SourceSession,
  source: StreamSource,
  split: Split,
): Promise<string[][]> {
  const [first, ...others] = source.key
  if (first === undefined || split.ranges < 2) return []
  if (others.length === 0) {
    const histogram = await histogramBounds(session, { source, column: first, split })
    if (histogram.length > 0) return histogram
    if (first.type.schema === 'pg_catalog' && integers.has(first.type.name)) {
      return integerBounds(session, { source, column: first, split })
    }
  }
  return sampleBounds(session, source, split)
}

interface ColumnSplit {
  readonly source: StreamSource
  readonly column: SourceColumn
  readonly split: Split
}

async function histogramBounds(
  session: SourceSession,
  { source, column, split }: ColumnSplit,
): Promise<string[][]> {
  const type = quoteQualified(column.type.schema, column.type.name)
  const { schema, name, kind } = source.table
  const rows = await session.rows<{ bound: string }>(
    `SELECT bounds.bound::text FROM pg_catalog.pg_stats s, unnest(s.histogram_bounds::text::${type}[])
       WITH ORDINALITY AS bounds(bound, n)
     WHERE s.schemaname = $1 AND s.tablename = $2 AND s.attname = $3 AND s.inherited = $4
     ORDER BY n`,
    [schema, name, column.name, kind === 'p'],
  )
  if (rows.length <= split.ranges) return []
  const boundAt = (index: number): string[] => {
    const row = rows[Math.floor(((index + 1) * rows.length) / split.ranges)]
    return row === undefined ? [] : [row.bound]
  }
  return distinct(Array.from({ length: split.ranges - 1 }, (_, index) => boundAt(index)))
}

async function integerBounds(
  session: SourceSession,
  { source, column, split }: ColumnSplit,
): Promise<string[][]> {
  const name = quoteIdentifier(column.name)
  const [row] = await session.userRows<{ low: string | null; high: string | null }>(
    `SELECT pg_catalog.min(${name})::pg_catalog.text AS low, pg_catalog.max(${name})::pg_catalog.text AS high
     FROM ${source.from}`,
  )
  if (row?.low == null || row.high == null) return []
  return distinct(integerSteps(BigInt(row.low), BigInt(row.high), split.ranges))
}

/** Evenly between the smallest and the largest key. */
export function integerSteps(low: bigint, high: bigint, ranges: number): string[][] {
  const width = high - low + 1n
  return Array.from({ length: ranges - 1 }, (_, index) => [
    String(low + (width * BigInt(index + 1)) / BigInt(ranges)),
  ]).filter(([bound]) => bound !== String(low))
}

async function sampleBounds(
  session: SourceSession,
  source: StreamSource,
  split: Split,
): Promise<string[][]> {
  const names = source.key.map(({ name }) => quoteIdentifier(name))
  const steps = Array.from({ length: split.ranges - 1 }, (_, index) => `(${index + 1})`)
  const percent = Math.min(100, Math.max(0.01, (100 * sampleRows) / Math.max(1, split.rows)))
  const rows = await session.userRows<{ bound: string[] }>(
    `SELECT ARRAY[${names.map((name) => `s.${name}::pg_catalog.text`).join(', ')}] AS bound
     FROM (SELECT ${names.join(', ')}, pg_catalog.row_number() OVER (ORDER BY ${names.join(', ')}) AS "position in sample",
                  pg_catalog.count(*) OVER () AS "size of sample"
           FROM ${source.from} TABLESAMPLE pg_catalog.system (${percent}) REPEATABLE (0)) s
     JOIN (VALUES ${steps.join(', ')}) AS range(n) ON s."position in sample" OPERATOR(pg_catalog.=)
       (1 OPERATOR(pg_catalog.+) (s."size of sample" OPERATOR(pg_catalog.*) range.n OPERATOR(pg_catalog./) ${split.ranges}))
     ORDER BY range.n`,
  )
  return distinct(rows.map(({ bound }) => bound))
}

function distinct(bounds: readonly string[][]): string[][] {
  const seen = new Set<string>()
  return bounds.filter((bound) => {
    const text = JSON.stringify(bound)
    const isNew = bound.length > 0 && !seen.has(text)
    seen.add(text)
    return isNew
  })
}
