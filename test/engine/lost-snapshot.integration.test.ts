import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SyncMode } from '../../sinks/sink.ts'
import { logConfig, planRun, runPlan, type EngineRun, type LogName } from '../support/engine.ts'
import { slowProxy } from '../support/slow-proxy.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { longTest, usually } from '../support/long.ts'

const rows = 20_000
const modes = ['overwrite', 'append_dedup', 'append'] as const satisfies readonly SyncMode[]

async function createTables(shop: TestDatabase): Promise<void> {
  for (const mode of modes)
    await shop.query(
      `CREATE TABLE ${mode} AS SELECT n AS id, 0 AS version, repeat(md5(n::text), 4) AS body FROM generate_series(1, ${String(rows)}) n;
       ALTER TABLE ${mode} ADD PRIMARY KEY (id)`,
    )
}

/** All rows of all tables, at once. */
async function change(shop: TestDatabase, version: number): Promise<void> {
  await shop.query(
    modes.map((mode) => `UPDATE ${mode} SET version = ${String(version)}`).join('; '),
  )
}

interface Loss {
  readonly shop: TestDatabase
  readonly copy: TestDatabase
  readonly log: LogName
  readonly config?: Readonly<Record<string, string>>
}

/** The source changes and its sessions end while rows of all streams are on their way. */
async function runWithLoss({ shop, copy, log, config }: Loss): Promise<EngineRun> {
  await createTables(shop)
  await using proxy = await slowProxy(shop.address.port)
  proxy.bytesPerSecond = 250_000
  const source = { ...shop.address, port: proxy.port, state_rows: 500, ...config }
  const plan = await planRun({
    connection: `snapshot-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...source, schemas: ['public'] } },
    destination: copy.address,
    schema: 'copied',
    log: logConfig(log),
    mode: 'overwrite',
    limits: { commitBytes: 100_000, commitMs: 20, parallelLanes: modes.length },
    ofStream: (name) => ({ mode: modes.find((mode) => mode === name) ?? 'overwrite' }),
  })
  let changed: Promise<void> | undefined
  const run = await runPlan(plan, undefined, ({ streams }) => {
    if (changed !== undefined || !streams.every(({ loaded }) => loaded > 0)) return
    changed = change(shop, 1).then(() => {
      proxy.bytesPerSecond = Infinity
      proxy.cut()
    })
  })
  await changed
  return run
}

async function versionsOf(copy: TestDatabase, mode: SyncMode): Promise<unknown> {
  return copy.query(
    `SELECT version::int, count(*)::int AS rows FROM copied.${mode} GROUP BY 1 ORDER BY 1`,
  )
}

describe.each(usually(1, ['embedded', 'kafka block'] as const))('over the %s log', (log) => {
  test(
    'a full refresh whose snapshot was lost begins again; an append goes on, with a warning',
    { timeout: 60_000 },
    async () => {
      await using shop = await testDatabase()
      await using copy = await testDatabase()
      const { result } = await runWithLoss({ shop, copy, log })
      const [append, ...others] = result.streams.toSorted((a, b) =>
        a.stream.name.localeCompare(b.stream.name),
      )
      for (const stream of others) {
        expect(stream).toMatchObject({ status: 'complete', warnings: [], read: rows, loaded: rows })
        expect(stream.readAgain).toBeGreaterThan(0)
      }
      expect(await versionsOf(copy, 'overwrite')).toEqual([{ version: 1, rows }])
      expect(await versionsOf(copy, 'append_dedup')).toEqual([{ version: 1, rows }])
      expect(append).toMatchObject({ status: 'complete', read: rows, loaded: rows })
      expect(append?.warnings).toEqual([expect.stringContaining('not of one moment')])
      expect(await versionsOf(copy, 'append')).toHaveLength(2)
    },
  )
})

longTest(
  'with `on_lost_snapshot: continue` it goes on where it was',
  { timeout: 60_000 },
  async () => {
    await using shop = await testDatabase()
    await using copy = await testDatabase()
    const config = { on_lost_snapshot: 'continue' }
    const { result } = await runWithLoss({ shop, copy, log: 'embedded', config })
    for (const stream of result.streams) {
      expect(stream).toMatchObject({ status: 'complete', read: rows, loaded: rows })
      expect(stream.warnings).toEqual([expect.stringContaining('not of one moment')])
      expect(stream.readAgain).toBeLessThan(rows / 2)
    }
  },
)

longTest(
  'a stream that loses its snapshot again and again fails, and its table stays as it is',
  { timeout: 60_000 },
  async () => {
    await using shop = await testDatabase()
    await using copy = await testDatabase()
    await createTables(shop)
    await using proxy = await slowProxy(shop.address.port)
    const config = { ...shop.address, port: proxy.port, state_rows: 500 }
    const plan = await planRun({
      connection: `snapshot-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...config, schemas: ['public'] } },
      destination: copy.address,
      schema: 'copied',
      log: logConfig('embedded'),
      mode: 'overwrite',
      streams: ['overwrite'],
      limits: { commitBytes: 100_000, commitMs: 20 },
    })
    await runPlan(plan)
    await change(shop, 1)
    proxy.bytesPerSecond = 500_000
    let seen = 0
    const { result } = await runPlan(plan, undefined, ({ streams: [stream] }) => {
      const read = (stream?.read ?? 0) + (stream?.readAgain ?? 0)
      if (read < seen + 1_000) return
      seen = read
      proxy.cut()
    })
    expect(result.streams).toMatchObject([
      {
        status: 'failed',
        loaded: 0,
        error: { code: 'source_snapshot_unsteady', details: { times: 4 } },
      },
    ])
    expect(await versionsOf(copy, 'overwrite')).toEqual([{ version: 0, rows }])
  },
)
