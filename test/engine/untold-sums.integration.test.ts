import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { expect, test } from 'vitest'
import type { RunPlan, StreamResult } from '../../engine/run-types.ts'
import { logConfig, planRun, runPlanIn, sharedThreads } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { slowProxy } from '../support/slow-proxy.ts'
import { longTest, longDescribe } from '../support/long.ts'

/** The tables of the source, each loaded in a mode of its own. */
const modes = {
  append: { mode: 'append' },
  dedup: { mode: 'append_dedup' },
  overwrite: { mode: 'overwrite' },
  overwrite_dedup: { mode: 'overwrite_dedup' },
  newer: { mode: 'append', syncMode: 'incremental', cursor: 'id' },
  newer_dedup: { mode: 'append_dedup', syncMode: 'incremental', cursor: 'id' },
  other: { mode: 'append', syncMode: 'incremental', cursor: 'id' },
} as const
type Name = keyof typeof modes
const names = Object.keys(modes).filter((name): name is Name => name !== 'other')

/** Rows of each table, each with a value that is cut. */
async function addRows(db: TestDatabase, from: number, to: number): Promise<void> {
  for (const name of Object.keys(modes))
    await db.query(
      `INSERT INTO src.${name} SELECT n, '{"a":"x\\u0000y"}' FROM generate_series(${String(from)}, ${String(to)}) n`,
    )
}

async function planOf(db: TestDatabase): Promise<RunPlan> {
  await db.query('CREATE SCHEMA src')
  for (const name of Object.keys(modes))
    await db.query(`CREATE TABLE src.${name} (id int PRIMARY KEY, doc json)`)
  await addRows(db, 1, 10)
  return planRun({
    connection: 'sums',
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: logConfig('embedded'),
    mode: 'append',
    ofStream: (name) => modes[name as Name],
  })
}

/** `[loaded, cut, loaded by earlier starts, cut by them]`. */
type Reported = readonly [number, number, number, number]

interface RunOptions {
  readonly streams?: readonly string[]
  /** Default: its result comes out. */
  readonly isReported?: boolean
  readonly status?: StreamResult['status']
}

async function run(plan: RunPlan, options: RunOptions = {}): Promise<Record<string, Reported>> {
  const { streams, isReported = true, status = 'complete' } = options
  const wanted = plan.streams.filter(({ stream }) => streams?.includes(stream.stream.name) ?? true)
  const { result } = await runPlanIn(sharedThreads(), { ...plan, streams: wanted }, { isReported })
  return Object.fromEntries(
    result.streams.map((stream) => {
      const { loaded, cut, before = { loaded: NaN, cut: NaN } } = stream
      expect(stream).toMatchObject({ status })
      return [stream.stream.name, [loaded, cut, before.loaded, before.cut]]
    }),
  )
}

async function rowsOf(db: TestDatabase, name: string): Promise<unknown> {
  const [row] = await db.query(
    `SELECT count(*)::int AS rows, count(*) FILTER (WHERE _airbyte_meta::text LIKE '%"changes": [{%')::int AS cut FROM dest.${name}`,
  )
  return row
}

/** Ten rows were loaded by a start that was killed, then there were five more. */
async function killed(db: TestDatabase): Promise<RunPlan> {
  const plan = await planOf(db)
  await run(plan, { isReported: false })
  await addRows(db, 11, 15)
  return plan
}

test('what runs tell adds up to what the tables have, whichever run comes after a kill', async () => {
  await using db = await testDatabase()
  const plan = await killed(db)
  await run(plan, { streams: ['other'] })
  // A deduplicated stream that is read again merges ten rows a second time.
  expect(await run(plan, { streams: names })).toEqual({
    append: [15, 15, 10, 10],
    dedup: [15, 15, 10, 10],
    overwrite: [15, 15, 0, 0],
    overwrite_dedup: [15, 15, 0, 0],
    newer: [5, 5, 10, 10],
    newer_dedup: [5, 5, 10, 10],
  })
  expect(await rowsOf(db, 'append')).toEqual({ rows: 25, cut: 25 })
  for (const name of names.slice(1)) expect(await rowsOf(db, name)).toEqual({ rows: 15, cut: 15 })
  expect(await run(plan, { streams: names })).toEqual({
    append: [15, 15, 0, 0],
    dedup: [15, 15, 0, 0],
    overwrite: [15, 15, 0, 0],
    overwrite_dedup: [15, 15, 0, 0],
    newer: [0, 0, 0, 0],
    newer_dedup: [0, 0, 0, 0],
  })
})

longTest('a run whose streams fail tells what a killed start left in their tables', async () => {
  await using db = await testDatabase()
  const plan = await killed(db)
  await run(plan, { streams: ['other'] })
  await db.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`,
  )
  for (const name of names)
    await db.query(
      `CREATE TRIGGER refuse BEFORE INSERT ON dest.${name} FOR EACH STATEMENT EXECUTE FUNCTION refuse()`,
    )
  const failed = await run(plan, { streams: names, status: 'failed' })
  expect(failed).toEqual({
    append: [0, 0, 10, 10],
    dedup: [0, 0, 10, 10],
    // The stage had all rows.
    overwrite: [0, 15, 10, 10],
    overwrite_dedup: [0, 15, 10, 10],
    newer: [0, 0, 10, 10],
    newer_dedup: [0, 0, 10, 10],
  })
  for (const name of names) {
    expect(await rowsOf(db, name)).toEqual({ rows: 10, cut: 10 })
    await db.query(`DROP TRIGGER refuse ON dest.${name}`)
  }
  const next = await run(plan, { streams: names })
  for (const [, , loaded, cut] of Object.values(next)) expect([loaded, cut]).toEqual([0, 0])
})

longTest(
  'a run that cannot begin the streams tells what a killed start left in their tables',
  async () => {
    await using db = await testDatabase()
    const plan = await killed(db)
    await run(plan, { streams: ['other'] })
    for (const name of names)
      await db.query(
        `ALTER TABLE dest.${name} RENAME TO ${name}_away; CREATE VIEW dest.${name} AS SELECT * FROM dest.${name}_away`,
      )
    const failed = await run(plan, { streams: names, status: 'failed' })
    for (const reported of Object.values(failed)) expect(reported).toEqual([0, 0, 10, 10])
    for (const name of names)
      await db.query(`DROP VIEW dest.${name}; ALTER TABLE dest.${name}_away RENAME TO ${name}`)
    const next = await run(plan, { streams: names })
    for (const [, , loaded, cut] of Object.values(next)) expect([loaded, cut]).toEqual([0, 0])
  },
)

longDescribe('a destination that is away when the run has ended', () => {
  interface Reports {
    readonly log: readonly unknown[]
    readonly before: unknown
  }

  /** Runs a stream through a proxy that goes away with the result. `meanwhile`: it ends the waiting. */
  async function tellWhileAway(
    db: TestDatabase,
    meanwhile: (gate: Server, port: number) => Promise<AsyncDisposable | undefined>,
  ): Promise<Reports> {
    const plan = await planOf(db)
    const streams = plan.streams.filter(({ stream }) => stream.stream.name === 'newer')
    await using proxy = await slowProxy(db.address.port)
    const { port } = proxy
    const away: RunPlan = {
      ...plan,
      streams,
      destination: { type: 'postgres', address: { ...db.address, port }, schema: 'dest' },
    }
    await using after = new AsyncDisposableStack()
    const { result, log } = await runPlanIn(sharedThreads(), away, {
      tell: async ({ confirmReported }) => {
        await proxy[Symbol.asyncDispose]()
        const gate = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
        await once(gate, 'listening')
        const confirmed = confirmReported()
        await once(gate, 'connection')
        after.use(await meanwhile(gate, port))
        await confirmed
      },
    })
    expect(result.streams).toMatchObject([{ status: 'complete', loaded: 10 }])
    const next = await runPlanIn(sharedThreads(), { ...plan, streams })
    return { log, before: next.result.streams[0]?.before }
  }

  test('for a moment notes the end all the same', async () => {
    await using db = await testDatabase()
    const reported = await tellWhileAway(db, async (gate, port) => {
      gate.close()
      await once(gate, 'close')
      return slowProxy(db.address.port, port)
    })
    expect(reported).toMatchObject({ log: [], before: { loaded: 0, cut: 0 } })
  })

  test('for longer leaves the counts to the next run too, and a line says so', async () => {
    await using db = await testDatabase()
    const { log, before } = await tellWhileAway(db, (gate) =>
      Promise.resolve({
        [Symbol.asyncDispose]: async () => {
          gate.close()
          await once(gate, 'close')
        },
      }),
    )
    expect(log).toMatchObject([
      {
        code: 'destination_connection_lost',
        msg: expect.stringMatching(
          /could not note.* will report the counts and warnings of this one once more/,
        ) as unknown,
      },
    ])
    expect(JSON.stringify(log)).not.toContain('    at ')
    expect(before).toMatchObject({ loaded: 10, cut: 10 })
  })
})
