import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { LogConfig, RunPlan, RunResult } from '../../engine/run-types.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { startKafka } from '../support/kafka.ts'
import { startPostgres, testDatabase, type PostgresAddress } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { longTest, usually } from '../support/long.ts'

const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const rounds = Number(process.env.CRASH_ROUNDS ?? 1)
const fewRounds = Math.ceil(rounds / 5)
const rows = 30_000
/** A server that recovers on a busy machine. */
const restartMs = 60_000
const modes: readonly SyncMode[] = ['append', 'append_dedup', 'overwrite']

async function withClient<T>(
  address: PostgresAddress,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { host, port, user, password, database } = address
  const client = new pg.Client({ host, port, user, password, database })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function createOrders(address: PostgresAddress): Promise<void> {
  await withClient(address, async (client) => {
    await client.query('CREATE TABLE orders (id bigint PRIMARY KEY, body text)')
    await client.query(
      `INSERT INTO orders SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, ${String(rows)}) n`,
    )
    await client.query('ANALYZE orders')
  })
}

/** Rows, and a sum over the hashes of all rows: equal for equal rows in whatever order, once each. */
async function digest(address: PostgresAddress, table: string): Promise<unknown> {
  return withClient(address, async (client) => {
    const { rows: found } = await client.query<Record<string, unknown>>(
      `SELECT count(*)::int AS rows, sum(hashtextextended(ROW(id, body)::text, 0)::numeric)::text AS hash FROM ${table}`,
    )
    return found[0]
  })
}

/**
 * Runs until complete, as a scheduler would: a later run completes the work if the attempts within one run
 * cannot.
 */
async function untilComplete(plan: RunPlan): Promise<RunResult> {
  const deadline = Date.now() + restartMs
  for (;;) {
    const result = await runPlan(plan).then(
      (done) => done.result,
      (error: unknown) => error,
    )
    if (isResult(result) && result.status === 'complete') return result
    if (Date.now() > deadline)
      throw new Error(`not complete after ${String(restartMs)} ms: ${JSON.stringify(result)}`)
    await delay(500)
  }
}

interface Server {
  kill9(): Promise<void>
  restart(): Promise<void>
}

async function killAndRestart(server: Server, afterMs: number): Promise<void> {
  await delay(afterMs)
  await server.kill9()
  await server.restart()
}

function isResult(value: unknown): value is RunResult {
  return typeof value === 'object' && value !== null && 'status' in value
}

async function planOf(options: {
  readonly source: PostgresAddress
  readonly destination: PostgresAddress
  readonly log: LogConfig
  readonly mode: SyncMode
}): Promise<RunPlan> {
  return planRun({
    connection: `crash-${randomUUID().slice(0, 8)}`,
    source: {
      type: 'postgres',
      config: { ...options.source, schemas: ['public'], range_rows: 8_000, state_rows: 1_000 },
    },
    destination: options.destination,
    schema: 'copied',
    log: options.log,
    mode: options.mode,
    limits: { commitBytes: 200_000, commitMs: 20 },
  })
}

describe.each(usually(1, modes))('in %s', (mode) => {
  test(
    `a destination killed with -9 and restarted ends equal (seed ${String(seed)})`,
    { timeout: 60_000 + rounds * 20_000 },
    async () => {
      const random = seededRandom(seed)
      await using shop = await testDatabase()
      await createOrders(shop.address)
      for (let round = 0; round < rounds; round++) {
        await using warehouse = await startPostgres()
        const { address } = warehouse
        const plan = await planOf({
          source: shop.address,
          destination: address,
          log: { kind: 'embedded' },
          mode,
        })
        await Promise.all([untilComplete(plan), killAndRestart(warehouse, 300 + random() * 700)])
        expect(await digest(address, 'copied.orders')).toEqual(
          await digest(shop.address, 'public.orders'),
        )
      }
    },
  )

  longTest(
    `a source killed with -9 and restarted ends equal (seed ${String(seed)})`,
    { timeout: 60_000 + rounds * 20_000 },
    async () => {
      const random = seededRandom(seed + 1)
      for (let round = 0; round < fewRounds; round++) {
        await using warehouse = await testDatabase()
        await using shop = await startPostgres()
        await createOrders(shop.address)
        const plan = await planOf({
          source: shop.address,
          destination: warehouse.address,
          log: { kind: 'embedded' },
          mode,
        })
        await Promise.all([untilComplete(plan), killAndRestart(shop, 300 + random() * 500)])
        expect(await digest(warehouse.address, 'copied.orders')).toEqual(
          await digest(shop.address, 'public.orders'),
        )
      }
    },
  )
})

longTest(
  `a broker killed with -9 and restarted ends equal (seed ${String(seed)})`,
  { timeout: 120_000 + rounds * 20_000 },
  async () => {
    const random = seededRandom(seed + 2)
    await using broker = await startKafka()
    for (let round = 0; round < fewRounds; round++) {
      await using shop = await testDatabase()
      await createOrders(shop.address)
      const log = { kind: 'kafka', brokers: broker.brokers, framing: 'block', ssl: false } as const
      const plan = await planOf({
        source: shop.address,
        destination: shop.address,
        log,
        mode: 'append',
      })
      await Promise.all([untilComplete(plan), killAndRestart(broker, 1_500 + random() * 1_500)])
      expect(await digest(shop.address, 'copied.orders')).toEqual(
        await digest(shop.address, 'public.orders'),
      )
    }
  },
)
