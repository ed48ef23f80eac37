import { startBenchServer } from '../bench-server.ts'
import { median } from '../statistics.ts'
import type { TableKind } from '../table-shape.ts'
import { copyPipe, psqlVersion } from './copy-pipe.ts'
import { benchTable, createPipeTable, createSourceTable, pipeTable } from './source-table.ts'

export interface CopyPipeFigures {
  readonly rows: number
  readonly table: TableKind
  /** Median of the rounds. */
  readonly rowsPerSecond: number
  readonly seconds: readonly number[]
}

/** The COPY pipe of `replicate` alone: the speed of the server and the machine without our program. */
export async function benchCopyPipe(
  options: { readonly rows: number; readonly rounds: number; readonly table: TableKind },
  print: (line: string) => void,
): Promise<CopyPipeFigures> {
  if (psqlVersion() === undefined)
    throw new Error('psql is not installed (Debian: apt-get install postgresql-client)')
  await using bench = await startBenchServer()
  await bench.source(...createSourceTable(options.rows))
  const seconds: number[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    await bench.warehouse(...createPipeTable(options.table), 'CHECKPOINT')
    const pipe = await copyPipe({
      fromUrl: bench.sourceUrl,
      from: benchTable,
      toUrl: bench.warehouseUrl,
      to: pipeTable,
    })
    print(`${round === 0 ? 'warm-up' : `round ${String(round)}`}: ${pipe.seconds.toFixed(2)} s`)
    if (round > 0) seconds.push(pipe.seconds)
  }
  const { rows, table } = options
  return { rows, table, rowsPerSecond: Math.round(rows / median(seconds)), seconds }
}

export function copyPipeTable({ rows, table, rowsPerSecond }: CopyPipeFigures): string {
  const kind = table === 'key' ? 'with a key' : 'without a key'
  return `${rows.toLocaleString('en')} rows into a table ${kind}: COPY pipe ${rowsPerSecond.toLocaleString('en')} rows/s\n`
}
