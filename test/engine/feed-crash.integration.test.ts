import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { RandomWriter, writtenSchema, writtenTables } from '../connectors/changes-writer.ts'
import { finishEngine, startEngine } from '../support/engine-process.ts'
import type { KafkaBroker } from '../kafka/kafka-broker.ts'
import { startKafka } from '../support/kafka.ts'
import { usually } from '../support/long.ts'
import { newFolder } from '../support/new-folder.ts'
import { type PostgresAddress, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'

const seed = Number(process.env.CDC_SEED ?? Date.now() % 1_000_000)
const rounds = Number(process.env.CDC_ROUNDS ?? 3)
const tables = Object.keys(writtenTables)

test.each(usually(1, ['embedded', 'kafka'] as const))(
  `every change arrives after kills of each party, through the log %s (CDC_SEED=${String(seed)})`,
  async (log) => {
    const random = seededRandom(seed)
    await using source = await startPostgres({ settings: { max_prepared_transactions: '10' } })
    await using warehouse = await startPostgres()
    await using stack = new AsyncDisposableStack()
    const kafka = log === 'kafka' ? stack.use(await startKafka()) : undefined
    const folder = await newFolder('feed-crash')
    const file = async (isContinuous: boolean): Promise<string> => {
      const path = join(folder, `${String(isContinuous)}.yaml`)
      const content = runFile(source, warehouse, kafka?.brokers)
      await writeFile(path, JSON.stringify({ ...content, continuous: isContinuous }))
      return path
    }
    const continuous = await file(true)
    await onServer(source.address, writtenSchema)
    await writeSome(source.address, random, 200)
    let engine = startQuietly(continuous)
    for (let round = 0; round < rounds; round += 1) {
      if (engine.exitCode !== null || engine.signalCode !== null) engine = startQuietly(continuous)
      const writing = writeSome(source.address, random, 60)
      await delay(random() * 2_500)
      const victims: (() => Promise<void>)[] = [
        async () => killed(engine),
        async () => crash(source),
        async () => crash(warehouse),
        ...(kafka === undefined ? [] : [async () => crashBroker(kafka)]),
      ]
      await victims[Math.floor(random() * victims.length)]?.()
      await writing
      if (random() < 0.4) await alter(source.address, round, random)
    }
    await writeSome(source.address, random, 40)
    await killed(engine)
    // Up to the position that the log has when the run begins.
    await finishEngine(await file(false))
    for (const table of tables) await expectSame(source.address, warehouse.address, table)
  },
  120_000 + rounds * 30_000,
)

function startQuietly(file: string): ChildProcess {
  const engine = startEngine(file)
  engine.stdout?.resume()
  engine.stderr?.resume()
  return engine
}

async function killed(engine: ChildProcess): Promise<void> {
  if (engine.exitCode !== null || engine.signalCode !== null) return
  const exited = once(engine, 'exit')
  engine.kill('SIGKILL')
  await exited
}

/** A transaction that was prepared and not committed would hold everything up for ever. */
async function crash(server: TestPostgres): Promise<void> {
  await server.kill9()
  await server.restart()
  const prepared = await rowsOf(server.address, 'SELECT gid FROM pg_prepared_xacts')
  for (const { gid } of prepared)
    await onServer(server.address, `ROLLBACK PREPARED '${String(gid)}'`)
}

async function crashBroker(kafka: KafkaBroker): Promise<void> {
  await kafka.kill9()
  await kafka.restart()
}

/** Until the server is gone: what was not committed then was never there. */
async function writeSome(
  address: PostgresAddress,
  random: () => number,
  transactions: number,
): Promise<void> {
  const writer = new RandomWriter(address, random)
  try {
    await writer.open()
    await writer.write(transactions)
  } catch (error) {
    if (!isGone(error)) throw error
  }
  await writer.close().catch(() => undefined)
}

function isGone(error: unknown): boolean {
  const { code = '', message = '' } = Object(error) as { code?: string; message?: string }
  return (
    /^(57P0|08|ECONN|EPIPE)/.test(code) ||
    /terminated|ended|closed|connection error|starting up|shutting down/i.test(message)
  )
}

/** Columns come and go; older rows have the default of a new one. */
async function alter(address: PostgresAddress, round: number, random: () => number): Promise<void> {
  const table = ['items', 'pairs', 'whole', 'parts'][Math.floor(random() * 4)] ?? 'items'
  const name = `extra_${String(round)}`
  await onServer(
    address,
    random() < 0.6
      ? `ALTER TABLE ${table} ADD ${name} text DEFAULT 'round ${String(round)}'`
      : `ALTER TABLE ${table} ADD ${name} int; ALTER TABLE ${table} DROP ${name}`,
  )
}

async function onServer(address: PostgresAddress, sql: string): Promise<void> {
  await rowsOf(address, sql)
}

async function rowsOf(
  address: PostgresAddress,
  sql: string,
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ ...address, ssl: false })
  await client.connect()
  try {
    const result = await client.query<Record<string, unknown>>(sql)
    return result.rows
  } finally {
    await client.end()
  }
}

async function expectSame(
  source: PostgresAddress,
  warehouse: PostgresAddress,
  table: string,
): Promise<void> {
  const columns = await rowsOf(
    source,
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}' AND table_schema = 'public' ORDER BY 1`,
  )
  const list = columns.map(({ name }) => String(name)).join(', ')
  const text = (schema: string): string =>
    `SELECT to_jsonb(t)::text AS row FROM (SELECT ${list} FROM ${schema}.${table}) t ORDER BY 1`
  const [there, here] = [
    await rowsOf(source, text('public')),
    await rowsOf(warehouse, text('copy')),
  ]
  const missing = without(there, here)
  const extra = without(here, there)
  expect({ table, missing: [...missing].slice(0, 3), extra: [...extra].slice(0, 3) }).toEqual({
    table,
    missing: [],
    extra: [],
  })
  expect(here.length).toBe(there.length)
}

/** The rows of the first that the second does not have. */
function without(
  rows: readonly Record<string, unknown>[],
  others: readonly Record<string, unknown>[],
): readonly unknown[] {
  const known = new Set(others.map(({ row }) => row))
  return rows.map(({ row }) => row).filter((row) => !known.has(row))
}

function runFile(
  source: TestPostgres,
  warehouse: TestPostgres,
  brokers: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  return {
    connection: 'crash',
    source: {
      type: 'postgres',
      config: { ...source.address, replication: 'cdc', slot: 'crash' },
    },
    destination: { type: 'postgres', config: { ...warehouse.address, schema: 'copy' } },
    ...(brokers !== undefined && { log: { kafka: { brokers } } }),
    defaults: { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
  }
}
