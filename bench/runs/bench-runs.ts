import { serviceFolder } from '../../test/support/service-process.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { median } from '../statistics.ts'
import {
  createConnection,
  createSource,
  runAtOnce,
  runToEnd,
  type RunsAtOnce,
} from './service-runs.ts'

export interface RunsOptions {
  /** Small runs, one after another. */
  readonly rounds: number
  /** Runs at the same time. */
  readonly concurrent: readonly number[]
  /** Rows of each of their three streams. */
  readonly rows: number
}

export interface RunsFigures {
  /**
   * The time of a run of 3 streams of 10 rows in a warm service, from its creation to its end, by the clock
   * of the database.
   */
  readonly smallRunMs: { readonly median: number; readonly least: number; readonly most: number }
  readonly atOnce: readonly RunsAtOnce[]
}

/** A real service, in a process of its own with a PostgreSQL of its own. */
export async function benchRuns(
  options: RunsOptions,
  print: (line: string) => void,
): Promise<RunsFigures> {
  await using folder = await serviceFolder()
  await buildProgram()
  const most = Math.max(...options.concurrent)
  const service = await folder.start({
    program: builtProgram,
    args: ['--parallel-runs', String(most)],
  })
  await createSource(service, 'small', 10)
  await createConnection(service, 'small', 'small')
  const warmUp = 5
  const smallRuns: number[] = []
  for (let round = 0; round < options.rounds + warmUp; round++) {
    const { created_at: from, ended_at: to } = await runToEnd(service, 'small')
    if (round >= warmUp) smallRuns.push(Date.parse(to ?? '') - Date.parse(from))
  }
  const smallRunMs = {
    median: median(smallRuns),
    least: Math.min(...smallRuns),
    most: Math.max(...smallRuns),
  }
  print(`a small run: ${smallRunMs.median.toFixed(0)} ms`)
  await createSource(service, 'large', options.rows)
  for (let index = 0; index < most; index++)
    await createConnection(service, `large-${String(index)}`, 'large')
  const atOnce: RunsAtOnce[] = []
  for (const runs of options.concurrent) {
    const figures = await runAtOnce(service, runs, 'large')
    atOnce.push(figures)
    print(
      `${String(runs)} runs: ${String(figures.threads)} threads, ${figures.peakRssMb.toFixed(0)} MB`,
    )
  }
  return { smallRunMs, atOnce }
}

export function runsTable({ smallRunMs, atOnce }: RunsFigures): string {
  const { median: middle, least, most } = smallRunMs
  return [
    `a run of 3 streams of 10 rows, warm: ${middle.toFixed(0)} ms (${least.toFixed(0)} to ${most.toFixed(0)})`,
    `${'runs at once'.padEnd(14)}${'seconds'.padStart(10)}${'threads'.padStart(10)}${'peak MB'.padStart(10)}`,
    ...atOnce.map(({ runs, seconds, threads, peakRssMb }) =>
      [
        String(runs).padEnd(14),
        seconds.toFixed(1).padStart(10),
        String(threads).padStart(10),
        peakRssMb.toFixed(0).padStart(10),
      ].join(''),
    ),
    '',
  ].join('\n')
}
