import { z } from 'zod'
import { serviceFolder, type ServiceProcess } from '../../test/support/service-process.ts'
import { builtProgram } from '../built-program.ts'
import { peakRssMbOf } from '../peak-rss.ts'
import { createConnection, createSource, runAtOnce } from '../runs/service-runs.ts'
import type { GrowthPoint } from './growth-series.ts'

/** Requests at a time. */
const clients = 16
/** Rows of each of the three streams of a run. */
const rowsOfStream = 2_000

export interface ConnectionGrowth {
  /** All of them, 16 at a time. */
  readonly created: readonly GrowthPoint[]
  /** From the start of the process to its first response, with this number of connections. */
  readonly started: readonly GrowthPoint[]
}

/** Connections in the metadata of a service: it is started again at each size. */
export async function growConnections(
  sizes: readonly number[],
  print: (line: string) => void,
): Promise<ConnectionGrowth> {
  await using folder = await serviceFolder()
  const first = await folder.start({ program: builtProgram })
  const { key } = first
  await createSource(first, 'source', 1)
  await first.stop()
  const created: GrowthPoint[] = []
  const started: GrowthPoint[] = []
  let count = 0
  let seconds = 0
  for (const size of sizes) {
    const filling = await folder.start({ program: builtProgram, key })
    const before = performance.now()
    await createAll(filling, count, size)
    seconds += (performance.now() - before) / 1_000
    count = size
    created.push({ size, seconds, peakMb: peakMbOf(filling) })
    await filling.stop()
    const begin = performance.now()
    const service = await folder.start({ program: builtProgram, key })
    await service.ask(z.object({ items: z.array(z.unknown()) }), '/connections?limit=50')
    const startSeconds = (performance.now() - begin) / 1_000
    const peakMb = peakMbOf(service)
    started.push({ size, seconds: startSeconds, peakMb })
    await service.stop()
    print(
      `${size.toLocaleString('en')} connections: created in ${seconds.toFixed(1)} s, a start takes ${startSeconds.toFixed(2)} s, ${peakMb.toFixed(0)} MB`,
    )
  }
  return { created, started }
}

async function createAll(service: ServiceProcess, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index)
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let number = numbers.pop(); number !== undefined; number = numbers.pop())
        await createConnection(service, `connection-${String(number)}`, 'source', 'data:bench')
    }),
  )
}

/**
 * Runs at the same time, each of three streams, until the last one has ended; in a process of its own for
 * each size.
 */
export async function growRuns(
  sizes: readonly number[],
  print: (line: string) => void,
): Promise<readonly GrowthPoint[]> {
  const points: GrowthPoint[] = []
  for (const size of sizes) {
    await using folder = await serviceFolder()
    const args = ['--parallel-runs', String(size)]
    const service = await folder.start({ program: builtProgram, args })
    await createSource(service, 'source', rowsOfStream)
    for (let number = 0; number < size; number++)
      await createConnection(service, `run-${String(number)}`, 'source')
    const { seconds, peakRssMb } = await runAtOnce(service, size, 'run')
    print(`${String(size)} runs: ${seconds.toFixed(1)} s, ${peakRssMb.toFixed(0)} MB`)
    points.push({ size, seconds, peakMb: peakRssMb })
  }
  return points
}

function peakMbOf({ process: { pid = Number.NaN } }: ServiceProcess): number {
  return peakRssMbOf(pid)
}
