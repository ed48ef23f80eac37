import { startBenchServer } from '../bench-server.ts'
import { median } from '../statistics.ts'
import { copyPipe, psqlVersion } from './copy-pipe.ts'
import { benchTable, createPipeTable, createSourceTable } from './source-table.ts'

export interface CopyPipeFigures {
  readonly rows: number
  /** Median of the rounds, into a table with a primary key. */
  readonly rowsPerSecond: number
  readonly seconds: readonly number[]
}

/** The COPY pipe of `replicate` alone: what the server and the machine do without anything of ours. */
export async function benchCopyPipe(
  options: { readonly rows: number; readonly rounds: number },
  print: (line: string) => void,
): Promise<CopyPipeFigures> {
  if (psqlVersion() === undefined)
    throw new Error('psql is not installed (Debian: apt-get install postgresql-client)')
  await using bench = await startBenchServer()
  await bench.source(...createSourceTable(options.rows))
  const seconds: number[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    await bench.warehouse(...createPipeTable(), 'CHECKPOINT')
    const pipe = await copyPipe({
      fromUrl: bench.sourceUrl,
      from: benchTable,
      toUrl: bench.warehouseUrl,
      to: `pipe_${benchTable}`,
    })
    print(`${round === 0 ? 'warm-up' : `round ${String(round)}`}: ${pipe.seconds.toFixed(2)} s`)
    if (round > 0) seconds.push(pipe.seconds)
  }
  return { rows: options.rows, rowsPerSecond: Math.round(options.rows / median(seconds)), seconds }
}

export function copyPipeTable({ rows, rowsPerSecond }: CopyPipeFigures): string {
  return `${rows.toLocaleString('en')} rows: COPY pipe ${rowsPerSecond.toLocaleString('en')} rows/s\n`
}
