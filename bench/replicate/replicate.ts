import type { LogConfig } from '../../engine/run-types.ts'
import type { Metadata, SyncMode } from '../../sinks/sink.ts'
import { startBenchServer, type BenchServer } from '../bench-server.ts'
import { dropEngineTables, firstRun, runEngine, type EngineFigures } from '../engine-run.ts'
import { median } from '../statistics.ts'
import { copyPipe, psqlVersion } from './copy-pipe.ts'
import { benchTable, createPipeTable, createSourceTable, pipeTable } from './source-table.ts'

export interface ReplicateOptions {
  readonly rows: number
  readonly log: LogConfig
  readonly mode: SyncMode
  readonly metadata: Metadata
  readonly rounds: number
}

export interface ReplicateFigures {
  readonly rows: number
  readonly log: string
  readonly mode: SyncMode
  readonly metadata: string
  readonly pipeRowsPerSecond: number
  readonly rowsPerSecond: number
  /** Median of the rounds' ratios: this engine's rate / the COPY pipe's rate. */
  readonly ratio: number
  /** The same with the other choice of metadata columns (`full` beside `minimal`), in the same rounds. */
  readonly otherMetadata: { readonly metadata: string; readonly ratio: number }
  /** append_dedup: time of a second sync that reads everything again / time of the first. */
  readonly secondSyncRatio?: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
  readonly stages: Readonly<Record<string, number>>
  readonly rounds: readonly { readonly pipeSeconds: number; readonly seconds: number }[]
}

/** Interleaved rounds of the psql COPY pipe and of this engine over the same table on the same server. */
export async function benchReplicate(
  options: ReplicateOptions,
  print: (line: string) => void,
): Promise<ReplicateFigures> {
  const version = psqlVersion()
  if (version === undefined)
    throw new Error(
      'psql is not installed: it makes the COPY pipe that the rate is compared with (Debian: apt-get install postgresql-client)',
    )
  await using bench = await startBenchServer()
  print(`${version}; ${String(options.rows)} rows`)
  await bench.source(...createSourceTable(options.rows))
  return await measure(options, bench, print)
}

async function measure(
  options: ReplicateOptions,
  bench: BenchServer,
  print: (line: string) => void,
): Promise<ReplicateFigures> {
  const rounds: Round[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    // The shape that the engine's table has: a key only if its mode needs one.
    await bench.warehouse(
      ...createPipeTable(options.mode === 'append_dedup' ? 'key' : 'no_key'),
      'CHECKPOINT',
    )
    const pipe = await copyPipe({
      fromUrl: bench.sourceUrl,
      from: benchTable,
      toUrl: bench.warehouseUrl,
      to: pipeTable,
    })
    await bench.warehouse(...dropEngineTables)
    const other = await runEngine(bench, options.rows, {
      ...firstRun(),
      ...options,
      metadata: otherOf(options.metadata),
    })
    await bench.warehouse(...dropEngineTables)
    const named = { ...firstRun(), ...options }
    const figures = await runEngine(bench, options.rows, named)
    // All rows exist by now: each is merged.
    const again =
      options.mode === 'append_dedup' ? await runEngine(bench, options.rows, named) : undefined
    print(
      `${round === 0 ? 'warm-up' : `round ${String(round)}`}: COPY pipe ${pipe.seconds.toFixed(2)} s, engine ${figures.seconds.toFixed(2)} s, ratio ${(pipe.seconds / figures.seconds).toFixed(2)}, with ${otherOf(options.metadata)} metadata ${other.seconds.toFixed(2)} s${again === undefined ? '' : `, second sync ${again.seconds.toFixed(2)} s`}`,
    )
    if (round > 0) {
      const secondSeconds = again?.seconds
      rounds.push({
        pipeSeconds: pipe.seconds,
        seconds: figures.seconds,
        otherSeconds: other.seconds,
        secondSeconds,
        figures,
      })
    }
  }
  const medianOf = (value: (round: Round) => number): number => median(rounds.map(value))
  const names = Object.keys(rounds[0]?.figures.stages ?? {})
  return {
    rows: options.rows,
    log: options.log.kind === 'kafka' ? `kafka (${options.log.framing})` : 'embedded',
    mode: options.mode,
    metadata: options.metadata,
    pipeRowsPerSecond: Math.round(options.rows / medianOf((round) => round.pipeSeconds)),
    rowsPerSecond: Math.round(options.rows / medianOf((round) => round.seconds)),
    ratio: medianOf((round) => round.pipeSeconds / round.seconds),
    otherMetadata: {
      metadata: otherOf(options.metadata),
      ratio: medianOf((round) => round.pipeSeconds / round.otherSeconds),
    },
    ...(options.mode === 'append_dedup' && {
      secondSyncRatio: medianOf((round) => (round.secondSeconds ?? NaN) / round.seconds),
    }),
    cpuSeconds: medianOf((round) => round.figures.cpuSeconds),
    peakRssMb: Math.round(medianOf((round) => round.figures.peakRssMb)),
    stages: Object.fromEntries(
      names.map((name) => [name, medianOf((round) => round.figures.stages[name] ?? 0)]),
    ),
    rounds: rounds.map(({ pipeSeconds, seconds }) => ({ pipeSeconds, seconds })),
  }
}

function otherOf(metadata: ReplicateOptions['metadata']): ReplicateOptions['metadata'] {
  return metadata === 'minimal' ? 'full' : 'minimal'
}

interface Round {
  readonly pipeSeconds: number
  readonly seconds: number
  readonly otherSeconds: number
  readonly secondSeconds: number | undefined
  readonly figures: EngineFigures
}
