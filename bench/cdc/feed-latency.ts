import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { builtProgram } from '../built-program.ts'
import type { BenchServer } from '../bench-server.ts'
import { loopbackAllowed, nodeFlags } from '../measured-process.ts'

/** Rows of one transaction of the writer. */
const rowsPerTransaction = 4
const writers = 2

export interface Latency {
  readonly changesPerSecond: number
  readonly changes: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

export const ticksTable = 'bench_ticks'

/**
 * A continuous run of the built program, while writers commit at a given pace. The latency of a change is the
 * time from its COMMIT's return to the moment at which a reader of the destination sees it; the reader asks
 * every 3 ms.
 */
export async function measureLatency(
  bench: BenchServer,
  options: {
    readonly file: string
    readonly destination: string
    readonly changesPerSecond: number
    readonly seconds: number
  },
): Promise<Latency> {
  const { file, destination, changesPerSecond, seconds } = options
  const child = spawn(
    process.execPath,
    [...nodeFlags, builtProgram, 'connect', 'run', file, '--continuous', '--log-level', 'error'],
    { stdio: ['ignore', 'ignore', 'inherit'], env: loopbackAllowed() },
  )
  const ended = once(child, 'exit')
  const committed: { readonly writer: number; readonly id: number; readonly atMs: number }[] = []
  const seen: number[][] = []
  try {
    await untilTable(bench, destination)
    const stop = new AbortController()
    const watching = watch(bench, destination, { stop: stop.signal, seen })
    const pace = changesPerSecond / writers
    await Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        write(bench, { writer, pace, seconds, committed }),
      ),
    )
    await delay(3_000)
    stop.abort()
    await watching
  } finally {
    child.kill('SIGTERM')
    await ended
  }
  const latencies = committed
    .map(({ writer, id, atMs }) => (seen[writer]?.[id] ?? Number.POSITIVE_INFINITY) - atMs)
    .toSorted((a, b) => a - b)
  const latencyAt = (share: number): number =>
    Math.round(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0)
  return {
    changesPerSecond: Math.round((committed.length * rowsPerTransaction) / seconds),
    changes: committed.length * rowsPerTransaction,
    p50Ms: latencyAt(0.5),
    p99Ms: latencyAt(0.99),
    mostMs: latencyAt(1),
  }
}

/** The first state comes when the run is ready. */
async function untilTable(bench: BenchServer, destination: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const name = await bench.value(`SELECT to_regclass('${destination}') IS NOT NULL`)
    if (name === 'true' && (await bench.value(`SELECT count(*) FROM ${destination}`)) !== '0') {
      await delay(2_000)
      return
    }
    await delay(100)
  }
  throw new Error(`${destination} did not get its first rows`)
}

async function write(
  bench: BenchServer,
  {
    writer,
    pace,
    seconds,
    committed,
  }: {
    readonly writer: number
    readonly pace: number
    readonly seconds: number
    readonly committed: { writer: number; id: number; atMs: number }[]
  },
): Promise<void> {
  const client = new pg.Client({ connectionString: bench.sourceUrl })
  await client.connect()
  const started = performance.now()
  const everyMs = (1000 * rowsPerTransaction) / pace
  try {
    for (let id = 1; performance.now() - started < seconds * 1000; id += 1) {
      await client.query(
        `INSERT INTO ${ticksTable} SELECT $1, $2, n, 'tick ' || n FROM generate_series(1, $3) n`,
        [writer, id, rowsPerTransaction],
      )
      committed.push({ writer, id, atMs: performance.now() })
      const waitMs = started + id * everyMs - performance.now()
      if (waitMs > 1) await delay(waitMs)
    }
  } finally {
    await client.end()
  }
}

/** When each transaction was first seen; the transactions of a writer come in their order. */
async function watch(
  bench: BenchServer,
  destination: string,
  { stop, seen }: { readonly stop: AbortSignal; readonly seen: number[][] },
): Promise<void> {
  const client = new pg.Client({ connectionString: bench.warehouseUrl })
  await client.connect()
  const last = Array.from({ length: writers }, () => 0)
  try {
    while (!stop.aborted) {
      const { rows } = await client.query<{ writer: number; id: number }>({
        name: 'newest',
        text: `SELECT w AS writer, (SELECT max(id) FROM ${destination} t WHERE t.writer = w)::int AS id FROM generate_series(0, ${String(writers - 1)}) w`,
      })
      const now = performance.now()
      for (const { writer, id } of rows) {
        const own = (seen[writer] ??= [])
        for (let next = (last[writer] ?? 0) + 1; next <= id; next += 1) own[next] = now
        last[writer] = Math.max(last[writer] ?? 0, id)
      }
      await delay(3)
    }
  } finally {
    await client.end()
  }
}
