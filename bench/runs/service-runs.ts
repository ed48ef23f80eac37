import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { ServiceProcess } from '../../test/support/service-process.ts'

export interface RunsAtOnce {
  readonly runs: number
  readonly seconds: number
  /** The maximum in the service's process. */
  readonly threads: number
  readonly peakRssMb: number
}

const run = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
})
type Run = z.infer<typeof run>

/** Creates a source of three streams with this number of rows each. */
export async function createSource(
  service: ServiceProcess,
  name: string,
  rows: number,
): Promise<void> {
  const streams = ['a', 'b', 'c'].map((stream) => ({ name: stream, rows }))
  const body = { name, type: 'faker', config: { streams } }
  await service.ask(z.unknown(), '/instances', { body })
}

/** Into a schema of its own, if no destination is given. */
export async function createConnection(
  service: ServiceProcess,
  name: string,
  from: string,
  destination = `data:${name.replace('-', '_')}`,
): Promise<void> {
  const body = { name, from, destination, activate: true }
  await service.ask(z.unknown(), '/connections', { body })
}

export async function runToEnd(service: ServiceProcess, connection: string): Promise<Run> {
  const started = await service.ask(run, `/connections/${connection}/runs`, { body: {} })
  for (;;) {
    const now = await service.ask(run, `/runs/${started.id}`)
    if (now.status === 'complete') return now
    if (now.ended_at !== null) throw new Error(`a run ended as ${now.status}`)
    await sleep(100) // rarely: each look costs the service time
  }
}

/** Runs the connections `NAME-0`, `NAME-1` and so on, until the last run has ended. */
export async function runAtOnce(
  service: ServiceProcess,
  runs: number,
  name: string,
): Promise<RunsAtOnce> {
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
    Array.from({ length: runs }, (_, index) => runToEnd(service, `${name}-${String(index)}`)),
  )
  watch.abort()
  await watched
  return { runs, seconds: (performance.now() - started) / 1000, threads, peakRssMb }
}
