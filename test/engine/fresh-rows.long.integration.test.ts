import { randomUUID } from 'node:crypto'
import { describe, expect, inject, test } from 'vitest'
import { finishEngine, killEngine, type EngineEvent } from '../support/engine-process.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { runFile } from '../support/run-file.ts'

/**
 * When the rows are from. Every row of the source changes with each version, in one transaction, before and
 * while a run works. After a resumed run a table is one version, not older than the run's start, or the run
 * says as of when. Rounds of each log; the long form (`npm run test:long -- crash`) sets more. The seed is in
 * the tests' names: play it again with CRASH_SEED. Every other round also ends the run's sessions at the
 * destination: one log begins with such a round, the other without.
 */
const rounds = Number(process.env.CRASH_ROUNDS ?? 1)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const rows = 8_000

const streams = [
  { name: 'append', sync_mode: 'full_refresh', destination_sync_mode: 'append' },
  { name: 'append_dedup', sync_mode: 'full_refresh', destination_sync_mode: 'append_dedup' },
  { name: 'overwrite', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
  { name: 'overwrite_dedup', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite_dedup' },
  { name: 'keyless', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
  { name: 'new_rows', sync_mode: 'incremental', destination_sync_mode: 'append' },
  { name: 'new_versions', sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
] as const
type StreamName = (typeof streams)[number]['name']

/** The source: its rows, and when each version of them began. */
class Versions {
  readonly #shop: TestDatabase
  readonly #beganAtMs = [0]

  constructor(shop: TestDatabase) {
    this.#shop = shop
  }

  get current(): number {
    return this.#beganAtMs.length - 1
  }

  async create(): Promise<void> {
    for (const { name } of streams) {
      const key = name === 'keyless' ? '' : 'PRIMARY KEY'
      await this.#shop.query(
        `CREATE TABLE ${name} (id bigint ${key}, version int, body text, updated_at timestamptz)`,
      )
      await this.#shop.query(
        `INSERT INTO ${name} SELECT n, 0, repeat(md5(n::text), 8), clock_timestamp() FROM generate_series(1, ${String(rows)}) n`,
      )
      await this.#shop.query(`ANALYZE ${name}`)
    }
  }

  /** All rows of all tables, at once. */
  async change(): Promise<void> {
    const updates = streams.map(
      ({ name }) => `UPDATE ${name} SET version = version + 1, updated_at = clock_timestamp()`,
    )
    await this.#shop.query(['BEGIN', ...updates, 'COMMIT'].join('; '))
    this.#beganAtMs.push(Date.now())
  }

  /** The version that the source had at a time, or one before it. */
  at(ms: number): number {
    return Math.max(
      0,
      this.#beganAtMs.findLastIndex((beganAtMs) => beganAtMs <= ms),
    )
  }
}

function runFileText(shop: TestDatabase, target: Target): string {
  const { ssl, ...address } = shop.address
  return JSON.stringify({
    connection: target.connection,
    source: {
      type: 'postgres',
      config: { ...address, ssl, schemas: ['public'], range_rows: 3_000, state_rows: 500 },
    },
    destination: { type: 'postgres', config: { ...address, ssl, schema: target.schema } },
    log: target.log,
    streams: streams.map((stream) => ({
      ...stream,
      ...(stream.sync_mode === 'incremental' && { cursor_field: 'updated_at' }),
    })),
    limits: { commit_bytes: 131_072, commit_ms: 20, partitions_per_stream: 2, parallel_lanes: 2 },
  })
}

interface Target {
  readonly connection: string
  readonly schema: string
  readonly log: unknown
}

async function playRound(
  {
    versions,
    shop,
    endsSessions,
  }: { readonly versions: Versions; readonly shop: TestDatabase; readonly endsSessions: boolean },
  target: Target,
  random: () => number,
): Promise<void> {
  await using file = await runFile(runFileText(shop, target))
  const kills = 1 + Math.floor(random() * 3)
  for (let kill = 0; kill < kills; kill++) {
    const loaded = Math.floor(random() * rows * streams.length)
    await killEngine(file.path, { loaded, afterMs: random() * 200 })
    await versions.change()
  }
  const atStart = versions.current
  const finished = finishEngine(file.path)
  const trouble = makeTrouble(versions, shop, { endsSessions, afterMs: 600 + random() * 1_500 })
  const end = await finished
  await trouble
  for (const { name } of streams)
    await expectOneMoment(name, { versions, shop, target, end, atStart })
}

/**
 * While the resumed run works: the source changes again, and perhaps the run's sessions at the destination
 * end.
 */
async function makeTrouble(
  versions: Versions,
  shop: TestDatabase,
  { endsSessions, afterMs }: { readonly endsSessions: boolean; readonly afterMs: number },
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  await versions.change()
  if (!endsSessions) return
  await shop.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reactor-connect' AND query NOT LIKE '%pg_export_snapshot%'`,
  )
}

async function expectOneMoment(
  name: StreamName,
  {
    versions,
    shop,
    target,
    end,
    atStart,
  }: {
    readonly versions: Versions
    readonly shop: TestDatabase
    readonly target: Target
    readonly end: EngineEvent
    readonly atStart: number
  },
): Promise<void> {
  const table = `${target.schema}.${name}`
  // An incremental append has every version that was read: the newest one of a row counts.
  const found = await shop.query(
    `SELECT version, count(*)::int AS rows FROM (SELECT id, max(version) AS version FROM ${table} GROUP BY id) newest GROUP BY version ORDER BY version`,
  )
  const loaded = found.reduce((sum, row) => sum + Number(row.rows), 0)
  const oldest = Number(found[0]?.version)
  const warnings = end.streams.find((stream) => stream.name === name)?.warnings ?? []
  const seen = `${name}: ${JSON.stringify(found)}, version ${String(atStart)} at the start, ${warnings.join(' ')}`
  expect(loaded, seen).toBe(rows)
  const asOf = /as of (\S+) or later/.exec(warnings.join(' '))?.[1]
  if (asOf === undefined) {
    expect(found, seen).toHaveLength(1)
    expect(oldest, seen).toBeGreaterThanOrEqual(atStart)
  } else expect(oldest, seen).toBeGreaterThanOrEqual(versions.at(Date.parse(asOf)))
}

describe.each(['embedded', 'kafka'] as const)('after kill -9, over the %s log', (log) => {
  test(
    `a resumed run ends with rows of one moment, its own, or says as of when (seed ${String(seed)})`,
    { timeout: 60_000 + rounds * 90_000 },
    async () => {
      const ownSeed = seed + (log === 'kafka' ? 1 : 0)
      const random = seededRandom(ownSeed)
      await using shop = await testDatabase()
      const versions = new Versions(shop)
      await versions.create()
      const brokers = inject('kafkaBrokers')
      for (let round = 0; round < rounds; round++) {
        const target = {
          connection: `fresh-${randomUUID().slice(0, 8)}`,
          schema: `copy_${String(round)}`,
          log: log === 'kafka' ? { kafka: { brokers } } : 'embedded',
        }
        const endsSessions = (ownSeed + round) % 2 === 0
        await playRound({ versions, shop, endsSessions }, target, random)
      }
    },
  )
})
