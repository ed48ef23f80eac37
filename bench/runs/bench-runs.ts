import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { serviceFolder, type ServiceProcess } from '../../test/support/service-process.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { median } from '../statistics.ts'

export interface RunsOptions {
  /** Small runs, one after another. */
  readonly rounds: number
  /** Runs at the same time. */
  readonly concurrent: readonly number[]
  /** Rows of each of their three streams. */
  readonly rows: number
}

export interface RunsFigures {
  /** Of a run of 3 streams of 10 rows in a warm service, from its creation to its end, by the clock of the database. */
  readonly smallRunMs: { readonly median: number; readonly least: number; readonly most: number }
  readonly atOnce: readonly {
    readonly runs: number
    readonly seconds: number
    /** Of the process of the service, at most. */
    readonly threads: number
    readonly peakRssMb: number
  }[]
}

const run = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
})
type Run = z.infer<typeof run>

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
  const atOnce: RunsFigures['atOnce'][number][] = []
  for (const runs of options.concurrent) {
    const figures = await runAtOnce(service, runs)
    atOnce.push(figures)
    print(
      `${String(runs)} runs: ${String(figures.threads)} threads, ${figures.peakRssMb.toFixed(0)} MB`,
    )
  }
  return { smallRunMs, atOnce }
}

async function createSource(service: ServiceProcess, name: string, rows: number): Promise<void> {
  const streams = ['a', 'b', 'c'].map((stream) => ({ name: stream, rows }))
  const body = { name, type: 'faker', config: { streams } }
  await service.ask(z.unknown(), '/instances', { body })
}

async function createConnection(
  service: ServiceProcess,
  name: string,
  from: string,
): Promise<void> {
  const body = { name, from, destination: `data:${name.replace('-', '_')}`, activate: true }
  await service.ask(z.unknown(), '/connections', { body })
}

async function runToEnd(service: ServiceProcess, connection: string): Promise<Run> {
  const started = await service.ask(run, `/connections/${connection}/runs`, { body: {} })
  for (;;) {
    const now = await service.ask(run, `/runs/${started.id}`)
    if (now.status === 'complete') return now
    if (now.ended_at !== null) throw new Error(`a run ended as ${now.status}`)
    await sleep(100) // rarely: each look costs the service time
  }
}

async function runAtOnce(
  service: ServiceProcess,
  runs: number,
): Promise<RunsFigures['atOnce'][number]> {
  const started = performance.now()
  let threads = 0
  let peakRssMb = 0
  const watch = new AbortController()
  const watched = (async () => {
    while (!watch.signal.aborted) {
      const status = await readFile(`/proc/${String(service.process.pid)}/status`, 'utf8')
      const field = (name: string): number =>
        Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
      threads = Math.max(threads, field('Threads'))
      peakRssMb = Math.max(peakRssMb, field('VmRSS') / 1024)
      await sleep(25)
    }
  })()
  await Promise.all(
    Array.from({ length: runs }, (_, index) => runToEnd(service, `large-${String(index)}`)),
  )
  watch.abort()
  await watched
  return { runs, seconds: (performance.now() - started) / 1000, threads, peakRssMb }
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
