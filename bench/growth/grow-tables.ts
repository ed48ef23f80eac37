import type { LogConfig } from '../../engine/run-types.ts'
import { startBenchServer, type BenchServer } from '../bench-server.ts'
import { ordersTable } from '../replicate/source-table.ts'
import { engineTurn } from '../shapes/engine-turn.ts'
import { requireRowCounts } from '../shapes/same-rows.ts'
import { manyTables } from '../shapes/shapes.ts'
import { freshSource, type TableShape } from '../table-shape.ts'
import type { GrowthPoint } from './growth-series.ts'

const log: LogConfig = { kind: 'embedded' }
/** Tables that one statement counts: each takes a lock. */
const countedAtOnce = 500

/** One table of 12 columns, appended to a new table: a whole process of the built program for each size. */
export function growRows(
  sizes: readonly number[],
  print: (line: string) => void,
): Promise<readonly GrowthPoint[]> {
  return grow(sizes, (rows) => [ordersTable(rows)], 'rows', print)
}

/** Tables of 100 rows, appended to new tables. */
export function growTables(
  sizes: readonly number[],
  print: (line: string) => void,
): Promise<readonly GrowthPoint[]> {
  return grow(sizes, manyTables, 'tables', print)
}

async function grow(
  sizes: readonly number[],
  tablesOf: (size: number) => readonly TableShape[],
  unit: string,
  print: (line: string) => void,
): Promise<readonly GrowthPoint[]> {
  // The source's snapshot holds a lock for each table, and so does DROP SCHEMA.
  await using bench = await startBenchServer({ max_locks_per_transaction: '1024' })
  const points: GrowthPoint[] = []
  for (const size of sizes) {
    const tables = tablesOf(size)
    await bench.source(...freshSource(tables))
    const context = {
      bench,
      shape: { name: 'many', tables, cases: [] },
      metadata: 'minimal',
    } as const
    const [measured] = await engineTurn(context, ['append'], log).run(() =>
      requireRows(bench, tables),
    )
    if (measured === undefined) throw new TypeError('nothing was measured')
    const { seconds, peakRssMb = Number.NaN } = measured
    print(
      `${size.toLocaleString('en')} ${unit}: ${seconds.toFixed(2)} s, ${peakRssMb.toFixed(0)} MB`,
    )
    points.push({ size, seconds, peakMb: peakRssMb })
  }
  return points
}

async function requireRows(bench: BenchServer, tables: readonly TableShape[]): Promise<void> {
  for (let from = 0; from < tables.length; from += countedAtOnce)
    await requireRowCounts(bench, { tables: tables.slice(from, from + countedAtOnce) })
}
