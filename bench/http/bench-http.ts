import autocannon from 'autocannon'
import { z } from 'zod'
import { buildProgram, builtProgram } from '../built-program.ts'
import { serviceFolder, type ServiceProcess } from '../../test/support/service-process.ts'

export interface HttpOptions {
  readonly connections: number
  readonly seconds: number
  readonly clients: number
}

export interface HttpFigures extends HttpOptions {
  /** Creates, 16 at a time. */
  readonly createsPerSecond: number
  readonly routes: readonly RouteFigures[]
}

interface RouteFigures {
  readonly route: string
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly megabytesPerSecond: number
}

const created = z.object({ name: z.string() })
const page = z.object({ items: z.array(created), next_cursor: z.string().nullable() })

/**
 * A real service, in a process of its own with a PostgreSQL of its own, and clients on keep-alive
 * connections.
 */
export async function benchHttp(
  options: HttpOptions,
  print: (line: string) => void,
): Promise<HttpFigures> {
  await using folder = await serviceFolder()
  await buildProgram()
  const service = await folder.start({ program: builtProgram })
  const createsPerSecond = await fill(service, options.connections)
  print(`${String(options.connections)} connections created`)
  const deep = await lastCursor(service)
  const routes: RouteFigures[] = []
  for (const route of [
    '/catalog',
    '/connections/connection-00000',
    '/connections?limit=50',
    `/connections?limit=50&cursor=${encodeURIComponent(deep)}`,
    '/connections?limit=200',
    `/connections?limit=200&cursor=${encodeURIComponent(deep)}`,
  ]) {
    await load(service, route, { ...options, seconds: 2 })
    const figures = await load(service, route, options)
    routes.push(figures)
    print(`${figures.route}  ${figures.requestsPerSecond.toFixed(0)}/s`)
  }
  return { ...options, createsPerSecond, routes }
}

async function fill(service: ServiceProcess, count: number): Promise<number> {
  const config = { streams: [{ name: 'items', rows: 1 }] }
  await service.ask(created, '/instances', { body: { name: 'source', type: 'faker', config } })
  const names = Array.from(
    { length: count },
    (_, index) => `connection-${String(index).padStart(5, '0')}`,
  )
  const started = performance.now()
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const body = { name, from: 'source', destination: 'data:bench', activate: true }
        await service.ask(created, '/connections', { body })
      }
    }),
  )
  return count / ((performance.now() - started) / 1000)
}

/** The cursor of the page that begins 200 before the end. */
async function lastCursor(service: ServiceProcess): Promise<string> {
  let last = ''
  for (let next: string | null = ''; next !== null;) {
    const query: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const { next_cursor: following } = await service.ask(page, `/connections?limit=200${query}`)
    last = next
    next = following
  }
  return last
}

async function load(
  { url, key }: ServiceProcess,
  route: string,
  { seconds, clients }: HttpOptions,
): Promise<RouteFigures> {
  const result = await autocannon({
    url: `${url}/connect/v1${route}`,
    headers: { authorization: `Bearer ${key}` },
    connections: clients,
    duration: seconds,
  })
  if (result.non2xx + result.errors > 0)
    throw new Error(
      `${route}: ${String(result.non2xx)} answers and ${String(result.errors)} errors`,
    )
  return {
    route: route.replace(/cursor=.*/, 'cursor=(the last)'),
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    megabytesPerSecond: result.throughput.average / 1e6,
  }
}

export function httpTable(figures: HttpFigures): string {
  const rows = figures.routes.map((route) =>
    [
      route.route.padEnd(48),
      route.requestsPerSecond.toFixed(0).padStart(10),
      route.p50Ms.toFixed(0).padStart(8),
      route.p99Ms.toFixed(0).padStart(8),
      route.megabytesPerSecond.toFixed(1).padStart(8),
    ].join(''),
  )
  return [
    `${figures.connections.toLocaleString('en')} connections, ${String(figures.clients)} clients, ${String(figures.seconds)} s a route`,
    `POST /connections, 16 at a time: ${figures.createsPerSecond.toFixed(0)}/s`,
    `${'GET'.padEnd(48)}${'requests/s'.padStart(10)}${'p50 ms'.padStart(8)}${'p99 ms'.padStart(8)}${'MB/s'.padStart(8)}`,
    ...rows,
    '',
  ].join('\n')
}
