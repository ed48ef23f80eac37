import type { LogConfig } from '../../engine/run-types.ts'
import type { Metadata } from '../../sinks/sink.ts'
import { startBenchServer } from '../bench-server.ts'
import { buildProgram } from '../built-program.ts'
import { psqlVersion } from '../replicate/copy-pipe.ts'
import { median } from '../statistics.ts'
import { freshSource, type TableKind } from '../table-shape.ts'
import { engineTurn, kindOf } from './engine-turn.ts'
import { pgcopydbVersion } from './pgcopydb.ts'
import { pgcopydbTurn, pipeTurn } from './pipe-turns.ts'
import { requireKind, requireRowCounts, requireSameRows, sourceContents } from './same-rows.ts'
import { shapeOf, type Shape, type ShapeName } from './shapes.ts'
import type { Contender, Measured, Turn, TurnContext } from './turn.ts'

export interface ShapesOptions {
  readonly shapes: readonly ShapeName[]
  readonly logs: readonly LogConfig[]
  readonly metadata: Metadata
  readonly rounds: number
  /** 1: the sizes that figures are quoted for. */
  readonly scale: number
  /** A first round that fills caches and is not counted. */
  readonly warmUp: boolean
}

/** Medians over the rounds. snake_case: it is the document of `--json`. */
export interface ShapeFigures {
  readonly shape: ShapeName
  readonly program: Contender['program']
  readonly mode: Contender['mode']
  readonly log: Contender['log']
  readonly rows: number
  readonly seconds: number
  /** Its rate / the rate of the text pipe into tables of the same kind, of the same round. */
  readonly ratio: number
  /** The same beside the binary pipe. */
  readonly binary_ratio: number
  /** Measured for the engine's own process; null for the others, which are not measured. */
  readonly cpu_seconds: number | null
  readonly peak_mb: number | null
}

/**
 * Interleaved rounds of the engine, the two COPY pipes and pgcopydb over tables of different shapes. A
 * program that loses rows is an error.
 */
export async function benchShapes(
  options: ShapesOptions,
  print: (line: string) => void,
): Promise<readonly ShapeFigures[]> {
  const psql = psqlVersion()
  if (psql === undefined)
    throw new Error(
      'psql is not installed: it makes the COPY pipes that the rates are compared with (Debian: apt-get install postgresql-client)',
    )
  const pgcopydb = pgcopydbVersion()
  print(`${psql}; ${pgcopydb ?? 'pgcopydb is left out: it is not installed'}`)
  await buildProgram()
  await using bench = await startBenchServer()
  const figures: ShapeFigures[] = []
  for (const name of options.shapes) {
    const shape = shapeOf(name, options.scale)
    await bench.source(...freshSource(shape.tables))
    const context = { bench, shape, metadata: options.metadata }
    const turns = turnsOf(context, options.logs, pgcopydb !== undefined)
    figures.push(...figuresOf(shape, turns, await runRounds({ ...options, context, turns }, print)))
  }
  return figures
}

function turnsOf(
  context: TurnContext,
  logs: readonly LogConfig[],
  hasPgcopydb: boolean,
): readonly Turn[] {
  const { shape } = context
  const { cases } = shape
  const kinds = [...new Set(cases.flat().map((mode) => kindOf(mode, shape)))]
  return [
    ...kinds.flatMap((kind) => [
      pipeTurn(context, kind, 'text'),
      pipeTurn(context, kind, 'binary'),
      ...(hasPgcopydb ? [pgcopydbTurn(context, kind)] : []),
    ]),
    ...cases.flatMap((modes) => logs.map((log) => engineTurn(context, modes, log))),
  ]
}

/** The result of one round: the measurement of each contender of all turns, in their order. */
type Round = readonly Measured[]

async function runRounds(
  options: Pick<ShapesOptions, 'rounds' | 'warmUp'> & {
    readonly context: TurnContext
    readonly turns: readonly Turn[]
  },
  print: (line: string) => void,
): Promise<readonly Round[]> {
  const { turns, warmUp } = options
  const { bench, shape } = options.context
  const source = await sourceContents(bench, shape.tables)
  const rounds: Round[] = []
  const first = warmUp ? 0 : 1
  for (let round = first; round <= options.rounds; round++) {
    // To compare the rows themselves takes as long as to load them: once is enough to know that a program
    // copies them.
    const verify = async (kind: TableKind): Promise<void> => {
      await requireKind(bench, kind)
      await (round === first ? requireSameRows(bench, source) : requireRowCounts(bench, source))
    }
    const results: Measured[] = []
    for (const turn of turns) {
      const measured = await turn.run(verify)
      results.push(...measured)
      const label = round === 0 ? 'warm-up' : `round ${String(round)}`
      turn.contenders.forEach((contender, index) => {
        const seconds = measured[index]?.seconds.toFixed(2) ?? ''
        print(`${shape.name}, ${label}: ${nameOf(contender)} ${seconds} s`)
      })
    }
    if (round > 0) rounds.push(results)
  }
  return rounds
}

function nameOf({ program, mode, log }: Contender): string {
  return [program, mode, ...(log === null ? [] : [log])].join(', ')
}

function figuresOf(
  shape: Shape,
  turns: readonly Turn[],
  rounds: readonly Round[],
): readonly ShapeFigures[] {
  const contenders = turns.flatMap((turn) => turn.contenders)
  const rows = shape.tables.reduce((sum, table) => sum + table.rows, 0)
  const medianOf = (value: (round: Round) => number | undefined): number => {
    const numbers = rounds.map(value).filter((number) => number !== undefined)
    return Math.round(median(numbers) * 1_000) / 1_000
  }
  return contenders.map((contender, index) => {
    const { program, mode, log, kind } = contender
    const ratioTo = (pipe: Contender['program']): number => {
      const place = contenders.findIndex((other) => other.program === pipe && other.mode === kind)
      return medianOf((round) => secondsIn(round, place) / secondsIn(round, index))
    }
    const isEngine = program === 'reactor-connect'
    return {
      shape: shape.name,
      program,
      mode,
      log,
      rows,
      seconds: medianOf((round) => secondsIn(round, index)),
      ratio: ratioTo('text pipe'),
      binary_ratio: ratioTo('binary pipe'),
      cpu_seconds: isEngine ? medianOf((round) => round[index]?.cpuSeconds) : null,
      peak_mb: isEngine ? medianOf((round) => round[index]?.peakRssMb) : null,
    }
  })
}

function secondsIn(round: Round, place: number): number {
  return round[place]?.seconds ?? Number.NaN
}

export function shapesTable(figures: readonly ShapeFigures[]): string {
  const lines = figures.map((line) =>
    [
      ...[line.shape, line.program, line.mode, line.log ?? ''],
      line.rows.toLocaleString('en'),
      line.seconds.toFixed(2),
      line.ratio.toFixed(2),
      line.binary_ratio.toFixed(2),
      line.cpu_seconds?.toFixed(1) ?? '',
      line.peak_mb?.toFixed(0) ?? '',
    ].join(' | '),
  )
  return [
    '| shape | program | mode | log | rows | seconds | / text pipe | / binary pipe | CPU s | peak MB |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
    '',
  ].join('\n')
}
