import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { LogConfig, RunPlan } from '../../engine/run-types.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { startKafkaBroker } from '../kafka/broker.ts'
import { planRun, runPlan, type EngineRun } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { startToxiproxy, type FaultyProxy, type Toxiproxy } from '../support/toxiproxy.ts'

/**
 * A bad network in front of each of the three parties. Needs Go (for Toxiproxy) and minutes: `npm run
 * test:long -- faults` sets FAULTS. The seed is in the tests' names: play a failure again with FAULTS_SEED.
 */
const wanted = process.env.FAULTS !== undefined
const seed = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000)
const rows = 24_000
/**
 * Whatever the network does to a run, it is over by then: a silent session is given up after 105 s, then its
 * server is waited for five minutes, and the last session that is opened in them may be silent for 90 s.
 */
const boundMs = 540_000

const parties = ['source', 'destination', 'kafka'] as const
type Party = (typeof parties)[number]

type Fault = (proxy: FaultyProxy, random: () => number) => Promise<void>

/** Each is over when it resolves, but for those of `lasting`. */
const passing: Readonly<Record<string, Fault>> = {
  'resets of all connections': async (proxy, random) => {
    await proxy.add({ type: 'reset_peer', attributes: { timeout: 0 } })
    await sleep(100 + random() * 400)
    await proxy.heal()
  },
  'an outage of a second': async (proxy, random) => {
    await proxy.refuse()
    await sleep(500 + random() * 1_000)
    await proxy.heal()
  },
  'silence for a few seconds': async (proxy, random) => {
    await proxy.add({ type: 'bandwidth', attributes: { rate: 0 } })
    await sleep(1_000 + random() * 3_000)
    await proxy.heal()
  },
  'silence, then the end of the connections': async (proxy, random) => {
    await proxy.add({
      type: 'timeout',
      attributes: { timeout: 500 + Math.floor(random() * 1_000) },
    })
    await sleep(2_000)
    await proxy.heal()
  },
  'connections that break in the middle of an answer': async (proxy, random) => {
    await proxy.add({ type: 'limit_data', attributes: { bytes: Math.floor(random() * 200_000) } })
    await sleep(300 + random() * 500)
    await proxy.heal()
  },
}

let toxiproxy: Toxiproxy
let broker: Awaited<ReturnType<typeof startBehindProxy>>
const disposables = new AsyncDisposableStack()

async function startBehindProxy(): Promise<{
  readonly proxy: FaultyProxy
  readonly direct: string
}> {
  const port = await freePort()
  const proxy = await toxiproxy.proxyTo(port)
  const started = disposables.use(
    await startKafkaBroker({ behindProxy: { port, advertisedPort: proxy.port } }),
  )
  return { proxy, direct: started.brokers[0] ?? '' }
}

beforeAll(async () => {
  if (!wanted) return
  toxiproxy = disposables.use(await startToxiproxy())
  broker = await startBehindProxy()
}, 120_000)

afterAll(async () => disposables.disposeAsync())

interface Shop extends AsyncDisposable {
  readonly database: TestDatabase
  readonly plan: RunPlan
  readonly proxy: FaultyProxy
}

/**
 * Orders in ranges with many states, read at a few megabytes a second, so that faults meet a run that is
 * busy.
 */
async function openShop(party: Party): Promise<Shop> {
  const database = await testDatabase()
  await database.query(
    'CREATE TABLE orders (id bigint PRIMARY KEY, body text, updated_at timestamptz)',
  )
  await database.query(
    `INSERT INTO orders SELECT n, repeat(md5(n::text), 8), timestamptz '2024-01-01Z' + n * interval '1 second' FROM generate_series(1, ${String(rows)}) n`,
  )
  await database.query('ANALYZE orders')
  const slow = await toxiproxy.proxyTo(database.address.port)
  await slow.add({ type: 'bandwidth', attributes: { rate: 1_000 } })
  const faulty =
    party === 'kafka'
      ? broker.proxy
      : await toxiproxy.proxyTo(party === 'source' ? slow.port : database.address.port)
  const sourcePort = party === 'source' ? faulty.port : slow.port
  const destination = { ...database.address, ...(party === 'destination' && { port: faulty.port }) }
  const log: LogConfig =
    party === 'kafka'
      ? { kind: 'kafka', brokers: [`127.0.0.1:${faulty.port}`], framing: 'block', ssl: false }
      : { kind: 'embedded' }
  const config = z.custom<JsonObject>().parse({
    ...database.address,
    port: sourcePort,
    schemas: ['public'],
    range_rows: 5_000,
    state_rows: 1_000,
  })
  const plan = await planRun({
    connection: `faults-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config },
    destination,
    schema: 'copy',
    log,
    mode: 'append',
    limits: { commitBytes: 262_144, commitMs: 50 },
  })
  return {
    database,
    plan,
    proxy: faulty,
    [Symbol.asyncDispose]: async () => {
      await faulty.heal()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** Ends well, or with an error that says that it may be tried again; never later than the bound. */
async function runInTime(
  plan: RunPlan,
  signal?: AbortSignal,
): Promise<EngineRun['result']['status']> {
  const late = new AbortController()
  const run = runPlan(plan, signal).then(({ result }) => result)
  const first = await Promise.race([run, sleep(boundMs, 'late' as const, { signal: late.signal })])
  late.abort()
  if (first === 'late') throw new Error(`the run was not over after ${boundMs / 1000} s`)
  for (const { error } of first.streams) {
    if (error !== undefined) expect(error.failure_type, error.message).toBe('transient_error')
  }
  return first.status
}

/** Resolves when the run is in the middle of its work: something is loaded, and not everything. */
async function untilBusy(database: TestDatabase): Promise<void> {
  const loaded = async (): Promise<number> => {
    try {
      const [row] = await database.query('SELECT count(*)::int AS n FROM copy.orders')
      return Number(row?.n)
    } catch {
      return 0 // There is no table yet.
    }
  }
  await expect.poll(loaded, { timeout: 30_000, interval: 20 }).toBeGreaterThan(0)
  expect(await loaded()).toBeLessThan(rows)
}

async function expectEqual(database: TestDatabase): Promise<void> {
  const [difference] = await database.query(
    `SELECT (SELECT count(*)::int FROM (SELECT id, body, updated_at FROM public.orders EXCEPT ALL SELECT id, body, updated_at FROM copy.orders) x) AS lost,
            (SELECT count(*)::int FROM (SELECT id, body, updated_at FROM copy.orders EXCEPT ALL SELECT id, body, updated_at FROM public.orders) x) AS doubled`,
  )
  expect(difference).toEqual({ lost: 0, doubled: 0 })
}

describe.skipIf(!wanted).each(parties)(
  `a bad network in front of the %s (seed ${String(seed)})`,
  (party) => {
    test('with 30 ms of latency costs time only', { timeout: boundMs * 2 }, async () => {
      await using shop = await openShop(party)
      await shop.proxy.add({ type: 'latency', attributes: { latency: 30, jitter: 20 } })
      expect(await runInTime(shop.plan)).toBe('complete')
      await expectEqual(shop.database)
    })

    test.each(Object.entries(passing))(
      'with %s loses and doubles nothing',
      { timeout: boundMs * 3 },
      async (name, fault) => {
        const random = seededRandom(seed + name.length)
        await using shop = await openShop(party)
        const run = runInTime(shop.plan)
        await untilBusy(shop.database)
        for (let times = 0; times < 3; times++) {
          await fault(shop.proxy, random)
          await sleep(200 + random() * 600)
        }
        if ((await run) !== 'complete') expect(await runInTime(shop.plan)).toBe('complete')
        await expectEqual(shop.database)
      },
    )
  },
)

describe.skipIf(!wanted).each(['source', 'destination', 'kafka'] as const)(
  `the %s that falls silent (seed ${String(seed)})`,
  (party) => {
    test(
      'for good ends the run, and the next one completes',
      { timeout: boundMs * 3 },
      async () => {
        await using shop = await openShop(party)
        const run = runInTime(shop.plan)
        await untilBusy(shop.database)
        await shop.proxy.add({ type: 'bandwidth', attributes: { rate: 0 } })
        expect(await run).not.toBe('complete')
        await shop.proxy.heal()
        expect(await runInTime(shop.plan)).toBe('complete')
        await expectEqual(shop.database)
      },
    )

    test('does not keep a run from being stopped', { timeout: boundMs * 3 }, async () => {
      await using shop = await openShop(party)
      const stop = new AbortController()
      const run = runInTime(shop.plan, stop.signal)
      await untilBusy(shop.database)
      await shop.proxy.add({ type: 'bandwidth', attributes: { rate: 0 } })
      stop.abort()
      expect(await run).not.toBe('complete')
      await shop.proxy.heal()
      expect(await runInTime(shop.plan)).toBe('complete')
      await expectEqual(shop.database)
    })
  },
)
