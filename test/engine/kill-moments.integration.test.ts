import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { headersOf } from '../../engine/log/kafka/parse-message.ts'
import { PartitionFetcher } from '../../kafka/partition-fetcher.ts'
import { topicName } from '../../engine/log/kafka/topic-names.ts'
import type { LogConfig, RunPlan } from '../../engine/run-types.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { builtProgram } from '../support/program.ts'
import { silent as logger } from '../support/logger.ts'
import { newFolder } from '../support/new-folder.ts'
import { longTest, usually } from '../support/long.ts'

/** A run that is interrupted at each step between reading and the last commit, and the plain run after it. */
const rows = 300

interface Moment {
  /**
   * The lock at the destination that holds the run at this moment. It is taken before the run or when the
   * run's plan is saved.
   */
  readonly lock?: { readonly table: string; readonly mode: string; readonly from: 'start' | 'plan' }
  readonly stateEvery?: number
  readonly limits?: RunPlan['limits'] | { readonly commitBytes: number; readonly commitMs: number }
  readonly comes: (look: Look) => Promise<boolean>
}

interface Look {
  /** How many messages of each type are in the log. */
  readonly logged: () => Promise<Readonly<Record<string, number>>>
  readonly slice: () => Promise<{ readonly seq: number; readonly complete: boolean } | undefined>
  /** Sessions that wait for the lock. */
  readonly waiting: () => Promise<number>
}

const slices = { table: 'slices', mode: 'EXCLUSIVE', from: 'plan' } as const

const moments: Readonly<Record<string, Moment>> = {
  'before its begin': {
    lock: { table: 'streams', mode: 'EXCLUSIVE', from: 'start' },
    comes: async ({ waiting }) => (await waiting()) > 0,
  },
  'in the middle of a unit': {
    stateEvery: 1_000,
    comes: async ({ slice, logged }) =>
      (await slice()) !== undefined && Object.keys(await logged()).every((type) => type === 'PLAN'),
  },
  'after a state, before the first commit': {
    lock: slices,
    comes: async ({ logged }) => ((await logged()).STATE ?? 0) > 0,
  },
  'after the end and the close, before the first commit': {
    lock: slices,
    comes: async ({ logged }) => ((await logged()).CLOSE ?? 0) > 0,
  },
  'between two commits': {
    limits: { commitBytes: 65_536, commitMs: 10 },
    comes: async ({ slice }) => ((await slice())?.seq ?? 0) > 0,
  },
  'after the last commit, before its finish': {
    lock: { table: 'streams', mode: 'SHARE', from: 'plan' },
    comes: async ({ slice }) => (await slice())?.complete === true,
  },
}

/** Others kill runs too: a transaction that they leave open hides the states of all that share the topic. */
const ownTopics: LogConfig = {
  kind: 'kafka',
  brokers: inject('kafkaBrokers'),
  framing: 'block',
  ssl: false,
  topicsPerConnection: true,
}

function planOf(
  { db, schema }: Shop,
  connection: string,
  { stateEvery = 100, limits, columns = 'typical', pace }: PlanChoice,
): Promise<RunPlan> {
  const stream = { name: 'n', rows, columns, state_every: stateEvery }
  const streams = [{ ...stream, ...(pace !== undefined && { rows_per_second: pace }) }]
  return planRun({
    connection,
    source: { type: 'faker', config: { seed: 7, streams } },
    destination: db.address,
    schema,
    log: ownTopics,
    mode: 'append_dedup',
    syncMode: 'incremental',
    cursor: 'updated_at',
    ...(limits !== undefined && { limits }),
  })
}

interface PlanChoice {
  readonly stateEvery?: number | undefined
  readonly limits?: Moment['limits'] | undefined
  readonly columns?: 'typical' | 'narrow'
  readonly pace?: number
}

/** The plan in a process of its own. */
async function startProcess(
  plan: RunPlan,
  { db, schema }: Shop,
): Promise<ReturnType<typeof spawn>> {
  const { ssl, ...address } = db.address
  const { commitBytes, commitMs } = plan.limits
  const file = join(await newFolder('kills'), 'run.yaml')
  const content = {
    connection: plan.connection,
    source: { type: 'faker', config: plan.source.config },
    destination: { type: 'postgres', config: { ...address, ssl, schema } },
    log: { kafka: { brokers: inject('kafkaBrokers'), topics_per_connection: true } },
    streams: [{ name: 'n', sync_mode: 'incremental', destination_sync_mode: 'append_dedup' }],
    limits: { commit_bytes: commitBytes, commit_ms: commitMs },
  }
  await writeFile(file, JSON.stringify(content))
  return spawn(process.execPath, [builtProgram(), 'connect', 'run', file], { stdio: 'ignore' })
}

async function typesIn(topic: string): Promise<Readonly<Record<string, number>>> {
  const servers = { brokers: inject('kafkaBrokers'), clientId: 'look', ssl: false }
  const types: Record<string, number> = {}
  try {
    await using fetcher = await PartitionFetcher.open({ servers, topic, partition: 0, logger })
    const { low, high } = await fetcher.bounds()
    for (let offset = low; offset < high;) {
      const fetched = await fetcher.fetch(offset)
      if (fetched === 'lost' || fetched.next === offset) break
      for await (const message of fetcher.messages(fetched.batches)) {
        const type = headersOf(message, { topic, partition: 0 })?.type ?? 'foreign'
        types[type] = (types[type] ?? 0) + 1
      }
      offset = fetched.next
    }
  } catch {
    return {} // There is no topic yet.
  }
  return types
}

function lookAt(db: TestDatabase, connection: string): Look {
  return {
    logged: () => typesIn(topicName(connection, { name: 'n' })),
    slice: async () => {
      const [row] = await db.query(
        `SELECT seq::int, l.complete FROM reactor_connect.slices l JOIN reactor_connect.streams s ON s.id = l.stream_id WHERE s.connection = $1`,
        [connection],
      )
      return row as { seq: number; complete: boolean } | undefined
    },
    waiting: async () => {
      const [row] = await db.query(
        `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE NOT l.granted AND d.datname = current_database()`,
      )
      return Number(row?.n)
    },
  }
}

const eventually = { timeout: 30_000, interval: 25 }

/** Lets the run come to the moment, and interrupts it there; the lock is gone when this resolves. */
async function interruptAt(
  { lock, comes }: Moment,
  db: TestDatabase,
  options: {
    readonly connection: string
    readonly start: () => Promise<unknown>
    readonly interrupt: () => Promise<unknown>
  },
): Promise<void> {
  const look = lookAt(db, options.connection)
  const takeLock = async (): Promise<AsyncDisposable | undefined> => {
    if (lock === undefined) return undefined
    const client = new pg.Client({ connectionString: db.url })
    await client.connect()
    await client.query(`BEGIN; LOCK TABLE reactor_connect.${lock.table} IN ${lock.mode} MODE`)
    return { [Symbol.asyncDispose]: () => client.end() }
  }
  const early = lock?.from === 'start' ? await takeLock() : undefined
  await options.start()
  if (lock?.from === 'plan') {
    await expect.poll(async () => (await look.slice()) !== undefined, eventually).toBe(true)
  }
  const held = early ?? (lock?.from === 'plan' ? await takeLock() : undefined)
  await expect.poll(() => comes(look), eventually).toBe(true)
  await options.interrupt()
  await held?.[Symbol.asyncDispose]()
}

async function expectEachRowOnce({ db, schema }: Shop): Promise<void> {
  const [row] = await db.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM ${schema}.n`,
  )
  expect(row).toEqual({ rows, ids: rows })
}

async function endSessions(db: TestDatabase): Promise<void> {
  await db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reactor-connect'`,
  )
}

/** Where a test runs to: one database for all, with a schema for each. */
interface Shop {
  readonly db: TestDatabase
  readonly schema: string
}

let warehouse: TestDatabase
let shops = 0

/** The bookkeeping is there, as after any run before. */
beforeAll(async () => {
  warehouse = await testDatabase()
  await runPlan(await planOf(openShop(), `before-${randomUUID().slice(0, 8)}`, {}))
})
afterAll(() => warehouse[Symbol.asyncDispose]())

function openShop(): Shop {
  shops += 1
  return { db: warehouse, schema: `kills_${String(shops)}` }
}

describe.each(usually(2, Object.entries(moments)))('a run that is interrupted %s', (_, moment) => {
  const { stateEvery, limits } = moment

  test('by kill -9 is completed by the next one', { timeout: 90_000 }, async () => {
    const shop = openShop()
    const { db } = shop
    const connection = `kill-${randomUUID().slice(0, 8)}`
    const plan = await planOf(shop, connection, { stateEvery, limits, pace: 400 })
    let engine: Awaited<ReturnType<typeof startProcess>> | undefined
    await interruptAt(moment, db, {
      connection,
      start: async () => {
        engine = await startProcess(plan, shop)
      },
      interrupt: async () => {
        if (engine?.exitCode !== null) throw new Error('the run has ended')
        engine.kill('SIGKILL')
        await once(engine, 'exit')
        await endSessions(db)
      },
    })
    const { result } = await runPlan(await planOf(shop, connection, { stateEvery }))
    expect(result.streams).toMatchObject([{ status: 'complete', warnings: [] }])
    await expectEachRowOnce(shop)
  })

  longTest(
    'because its sessions at the destination end goes on by itself',
    { timeout: 90_000 },
    async () => {
      const shop = openShop()
      const { db } = shop
      const connection = `end-${randomUUID().slice(0, 8)}`
      const plan = await planOf(shop, connection, { stateEvery, limits, pace: 400 })
      let run: ReturnType<typeof runPlan> | undefined
      await interruptAt(moment, db, {
        connection,
        start: () => {
          run = runPlan(plan)
          return Promise.resolve()
        },
        interrupt: () => endSessions(db),
      })
      const ended = await run
      expect(ended?.result.streams).toMatchObject([{ status: 'complete', warnings: [] }])
      await expectEachRowOnce(shop)
    },
  )
})

longTest(
  'columns that are gone from the source, while the log holds records with them, hold nothing up',
  { timeout: 90_000 },
  async () => {
    const shop = openShop()
    const { db } = shop
    const connection = `drop-${randomUUID().slice(0, 8)}`
    const moment = moments['after the end and the close, before the first commit']
    if (moment === undefined) throw new Error('no moment')
    const plan = await planOf(shop, connection, { pace: 400 })
    // Twice: the columns of the attempt before the last one count too.
    for (let kill = 0; kill < 2; kill++) {
      let engine: Awaited<ReturnType<typeof startProcess>> | undefined
      await interruptAt(moment, db, {
        connection,
        start: async () => {
          engine = await startProcess(plan, shop)
        },
        interrupt: async () => {
          engine?.kill('SIGKILL')
          if (engine !== undefined) await once(engine, 'exit')
          await endSessions(db)
        },
      })
    }
    const { result } = await runPlan(await planOf(shop, connection, { columns: 'narrow' }))
    expect(result.streams).toMatchObject([{ status: 'complete', warnings: [] }])
    await expectEachRowOnce(shop)
    expect(await db.query(`SELECT count(email)::int AS emails FROM ${shop.schema}.n`)).toEqual([
      { emails: rows },
    ])
  },
)
