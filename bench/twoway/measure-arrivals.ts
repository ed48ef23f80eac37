import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { BenchServer } from '../bench-server.ts'
import { builtProgram } from '../built-program.ts'
import { loopbackAllowed, nodeFlags } from '../measured-process.ts'

export interface Arrivals {
  readonly edits: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

/** An edit that has not come after this long is an error. */
const patienceMs = 60_000
/** The readers ask this often. */
const readEveryMs = 3

/**
 * A pair that runs without end while both sides are edited in turn, each time another record. The time of an
 * edit is from the end of its COMMIT to the moment at which a reader of the other side sees it.
 */
export async function measureArrivals(
  bench: BenchServer,
  options: {
    readonly file: string
    readonly records: number
    readonly editsPerSecond: number
    readonly seconds: number
    /** The number of the first edit: an edit writes its number, which must be new. */
    readonly firstEdit: number
  },
): Promise<Arrivals> {
  const { file, records, editsPerSecond, seconds, firstEdit } = options
  const edits = Math.min(records, editsPerSecond * seconds)
  const { sourceUrl, warehouseUrl } = bench
  await using pair = await startPair(file)
  await using a = await openClient(sourceUrl)
  await using b = await openClient(warehouseUrl)
  await using onA = await openClient(sourceUrl)
  await using onB = await openClient(warehouseUrl)
  const committed = new Map<number, number>()
  const seen = new Map<number, number>()
  const stop = new AbortController()
  const watching = Promise.all([
    watch(onA, { remainder: 1, seen, stop: stop.signal }),
    watch(onB, { remainder: 0, seen, stop: stop.signal }),
  ])
  try {
    const started = performance.now()
    for (let count = 0; count < edits; count += 1) {
      const n = firstEdit + count
      // Far apart in the table, so that edits of one moment are in different blocks.
      const id = 1 + ((n * 7919) % records)
      await (n % 2 === 0 ? a : b).query({
        name: 'edit',
        text: 'UPDATE customer SET edit = $1, score = score + 1 WHERE id = $2',
        values: [n, id],
      })
      committed.set(n, performance.now())
      const waitMs = started + ((count + 1) * 1_000) / editsPerSecond - performance.now()
      if (waitMs > 1) await delay(waitMs)
    }
    await Promise.race([untilAll(committed, seen), pair.ended])
  } finally {
    stop.abort()
    await watching
  }
  const times = [...committed]
    .map(([n, from]) => (seen.get(n) ?? Number.POSITIVE_INFINITY) - from)
    .toSorted((left, right) => left - right)
  const share = (part: number): number =>
    Math.round(times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? Number.NaN)
  return { edits: times.length, p50Ms: share(0.5), p99Ms: share(0.99), mostMs: share(1) }
}

async function openClient(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client(url)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

/** Resolves when its first round is done. */
async function startPair(file: string): Promise<AsyncDisposable & { ended: Promise<never> }> {
  const child = spawn(
    process.execPath,
    [...nodeFlags, builtProgram, 'connect', 'pair', file, '--continuous', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: loopbackAllowed() },
  )
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const endedEarly = ended.then(() => {
    throw new Error('the pair ended by itself')
  })
  endedEarly.catch(() => undefined)
  await Promise.race([once(lines, 'line'), endedEarly])
  // For the first look at the log after the round.
  await delay(2_000)
  return {
    ended: endedEarly,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Edits with an even number are made on side a, and so arrive on side b. */
async function watch(
  client: pg.Client,
  options: {
    readonly remainder: 0 | 1
    readonly seen: Map<number, number>
    readonly stop: AbortSignal
  },
): Promise<void> {
  const { remainder, seen, stop } = options
  let last = 0
  while (!stop.aborted) {
    // A transaction may become visible after a later one: the last 50 are read again.
    const { rows } = await client.query<{ seq: string; edit: number }>({
      name: 'arrivals',
      text: 'SELECT seq, edit FROM arrival WHERE seq > $1 AND edit % 2 = $2 ORDER BY seq',
      values: [last - 50, remainder],
    })
    const now = performance.now()
    for (const { seq, edit } of rows) {
      if (!seen.has(edit)) seen.set(edit, now)
      last = Number(seq)
    }
    await delay(readEveryMs)
  }
}

async function untilAll(
  committed: ReadonlyMap<number, number>,
  seen: ReadonlyMap<number, number>,
): Promise<void> {
  const end = performance.now() + patienceMs
  while ([...committed.keys()].some((n) => !seen.has(n))) {
    if (performance.now() > end) {
      const missing = [...committed.keys()].filter((n) => !seen.has(n))
      throw new Error(
        `${String(missing.length)} of ${String(committed.size)} edits have not come to the other side: ${missing.slice(0, 10).join(', ')}`,
      )
    }
    await delay(100)
  }
}
