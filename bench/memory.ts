import type { LogConfig } from '../engine/run-types.ts'
import { startBenchServer } from './bench-server.ts'
import { dropEngineTables, firstRun, runEngine } from './engine-run.ts'
import { createSourceTable } from './replicate/source-table.ts'

export interface MemoryFigures {
  readonly sizes: readonly {
    readonly rows: number
    readonly seconds: number
    readonly peakRssMb: number
  }[]
  /** Peak of the largest table / peak of the smallest one. Near 1: memory does not grow with the rows. */
  readonly ratio: number
}

/** The peak resident set of the engine's process for tables of different sizes. */
export async function benchMemory(
  { rowCounts, log }: { readonly rowCounts: readonly number[]; readonly log: LogConfig },
  print: (line: string) => void,
): Promise<MemoryFigures> {
  await using bench = await startBenchServer()
  const sizes: MemoryFigures['sizes'][number][] = []
  for (const rows of [...rowCounts].sort((a, b) => a - b)) {
    await bench.source(...createSourceTable(rows), 'CHECKPOINT')
    await bench.warehouse(...dropEngineTables)
    const { seconds, peakRssMb } = await runEngine(bench, rows, { ...firstRun(), log })
    print(`${rows.toLocaleString('en')} rows: ${seconds.toFixed(1)} s, ${peakRssMb.toFixed(0)} MB`)
    sizes.push({ rows, seconds, peakRssMb })
  }
  return { sizes, ratio: (sizes.at(-1)?.peakRssMb ?? 0) / (sizes[0]?.peakRssMb ?? 1) }
}

export function memoryTable({ sizes, ratio }: MemoryFigures): string {
  const lines = sizes.map(
    ({ rows, peakRssMb }) =>
      `${rows.toLocaleString('en').padStart(12)} rows  peak ${peakRssMb.toFixed(0)} MB`,
  )
  return [...lines, `ratio of the peaks  ${ratio.toFixed(2)}`, ''].join('\n')
}
