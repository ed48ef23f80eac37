import { randomUUID } from 'node:crypto'
import { describe, expect, inject, test } from 'vitest'
import { createCrashShop, crashModes, crashRows, crashRunFile } from '../support/crash-shop.ts'
import { CheckpointWatch } from '../support/checkpoint-watch.ts'
import { finishEngine, killEngine } from '../support/engine-process.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { runFile } from '../support/run-file.ts'

/**
 * Rounds of each log; the long form (`npm run test:long -- crash`) sets more. The seed is printed with a
 * failure: play it again with CRASH_SEED.
 */
const rounds = Number(process.env.CRASH_ROUNDS ?? 2)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)

interface Target {
  readonly connection: string
  readonly schema: string
  readonly log: unknown
}

function runFileText(shop: TestDatabase, { connection, schema, log }: Target): string {
  const destination = { type: 'postgres', config: { ...shop.address, schema } }
  return crashRunFile(shop, { connection, destination, log })
}

async function difference(shop: TestDatabase, schema: string, mode: string): Promise<unknown> {
  const [row] = await shop.query(
    `SELECT (SELECT count(*)::int FROM (SELECT id, body, updated_at FROM public.orders_${mode} EXCEPT ALL SELECT id, body, updated_at FROM ${schema}.orders_${mode}) x) AS lost,
            (SELECT count(*)::int FROM (SELECT id, body, updated_at FROM ${schema}.orders_${mode} EXCEPT ALL SELECT id, body, updated_at FROM public.orders_${mode}) x) AS doubled`,
  )
  return row
}

async function playRound(shop: TestDatabase, target: Target, random: () => number): Promise<void> {
  await using file = await runFile(runFileText(shop, target))
  await shop.query(`CREATE SCHEMA ${target.schema}`)
  // The overwrites are to replace this table. It must stay whole until they are complete.
  for (const mode of ['overwrite', 'overwrite_dedup']) await seedOldTable(shop, target.schema, mode)
  await using watch = new CheckpointWatch(shop, target.connection)
  const kills = 1 + Math.floor(random() * 2)
  for (let kill = 0; kill < kills && !(await hasEnded(shop, target.connection)); kill++) {
    const afterMs = random() * 400
    await killEngine(file.path, { afterMs, loaded: Math.floor(random() * crashRows * 2) })
    for (const mode of ['overwrite', 'overwrite_dedup'])
      await expectOldOrNew(shop, target.schema, mode)
  }
  if (!(await hasEnded(shop, target.connection))) await finishEngine(file.path)
  for (const mode of crashModes)
    expect({ mode, ...((await difference(shop, target.schema, mode)) as object) }).toEqual({
      mode,
      lost: 0,
      doubled: 0,
    })
  await watch.look()
  expect(watch.setbacks).toEqual([])
  expect(watch.moves).toBeGreaterThan(0)
}

/**
 * Whether the kill came too late: the run had come to its own end. To start it again would be a new run,
 * which appends once more.
 */
async function hasEnded(shop: TestDatabase, connection: string): Promise<boolean> {
  const [table] = await shop.query(
    `SELECT to_regclass('reactor_connect.runs') IS NOT NULL AS exists`,
  )
  if (table?.exists !== true) return false
  const [run] = await shop.query('SELECT ended FROM reactor_connect.runs WHERE connection = $1', [
    connection,
  ])
  return run?.ended === true
}

const oldRows = 7

async function seedOldTable(shop: TestDatabase, schema: string, mode: string): Promise<void> {
  await shop.query(
    `CREATE TABLE ${schema}.orders_${mode} (id bigint, body text, updated_at timestamptz, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz, _airbyte_meta jsonb, _airbyte_generation_id bigint)`,
  )
  await shop.query(
    `INSERT INTO ${schema}.orders_${mode} SELECT -n, 'old', now(), gen_random_uuid(), now(), '{}', 0 FROM generate_series(1, ${String(oldRows)}) n`,
  )
}

async function expectOldOrNew(shop: TestDatabase, schema: string, mode: string): Promise<void> {
  const [row] = await shop.query(
    `SELECT count(*)::int AS all, count(*) FILTER (WHERE id < 0)::int AS old FROM ${schema}.orders_${mode}`,
  )
  expect([
    { all: oldRows, old: oldRows },
    { all: crashRows, old: 0 },
  ]).toContainEqual(row)
}

describe.each(['embedded', 'kafka'] as const)(
  'an engine killed with -9, over the %s log',
  (log) => {
    test(
      `resumes and ends equal, row by row, in every mode (seed ${String(seed)})`,
      { timeout: 60_000 + rounds * 60_000 },
      async () => {
        const random = seededRandom(seed + (log === 'kafka' ? 1 : 0))
        await using shop = await testDatabase()
        await createCrashShop(shop)
        const brokers = inject('kafkaBrokers')
        for (let round = 0; round < rounds; round++) {
          const connection = `crash-${randomUUID().slice(0, 8)}`
          const target = {
            connection,
            schema: `copy_${String(round)}`,
            log: log === 'kafka' ? { kafka: { brokers } } : 'embedded',
          }
          await playRound(shop, target, random)
        }
      },
    )
  },
)
