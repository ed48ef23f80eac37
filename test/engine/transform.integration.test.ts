import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { runSandbox } from '../../engine/sandbox/run-sandbox.ts'
import type { TablePlan } from '../../engine/run-types.ts'
import {
  functionsServer,
  mapping,
  unchanged,
  type CalledFunction,
  type FunctionsServer,
} from '../fakes/functions-service.ts'
import { finishEngine, killEngineWhen } from '../support/engine-process.ts'
import { logConfig, planRun, runPlan, sharedThreads, type LogName } from '../support/engine.ts'
import { silent } from '../support/logger.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import { neverAborted } from '../support/signal.ts'
import { longTest, usually } from '../support/long.ts'

const rows = 5_000

async function createOrders(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, body text, at timestamptz, more jsonb);
     INSERT INTO orders SELECT 9007199254740992 + n, n + 0.10000000000000000555, 'body ' || n, timestamptz '2026-01-01Z' + n * interval '1 s', jsonb_build_object('n', n)
     FROM generate_series(1, ${String(rows)}) n`,
  )
}

function planOf(
  db: TestDatabase,
  functions: Pick<FunctionsServer, 'url' | 'apiKey'>,
  {
    log = 'embedded',
    mode = 'append_dedup',
  }: { log?: LogName; mode?: 'append_dedup' | 'overwrite' } = {},
): Promise<TablePlan> {
  return planRun({
    connection: `transform-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: db.address,
    schema: 'copy',
    log: logConfig(log),
    mode,
    transform: { name: 'clean', service: { url: functions.url, apiKey: functions.apiKey } },
  })
}

const difference = `SELECT count(*)::int AS n FROM (
  (SELECT id, total, body, at, more FROM public.orders EXCEPT ALL SELECT id, total, body, at, more FROM copy.orders)
  UNION ALL (SELECT id, total, body, at, more FROM copy.orders EXCEPT ALL SELECT id, total, body, at, more FROM public.orders)) d`

/** Ids beyond 2^53 stay text for JavaScript. */
const withoutIds =
  (called: CalledFunction): CalledFunction =>
  async (call) => {
    const response = await called({ ...call, text: call.text.replace(/"id":(\d+)/g, '"id":"$1"') })
    return response && { ...response, body: response.body.replace(/"id":"(\d+)"/g, '"id":$1') }
  }

describe.each(usually(1, ['embedded', 'kafka block', 'kafka record'] as const))(
  'a stream with a transformation, over the log %s',
  (log) => {
    test('has the same rows, digit by digit, if the function changes nothing', async () => {
      await using db = await testDatabase()
      await using functions = await functionsServer(unchanged)
      await createOrders(db)
      const { result } = await runPlan(await planOf(db, functions, { log }))
      expect(result.status).toBe('complete')
      expect(await db.query(difference)).toEqual([{ n: 0 }])
      const sent = functions.calls.map(({ text }) => text.match(/"id":/g)?.length ?? 0)
      expect(sent.reduce((sum, count) => sum + count, 0)).toBe(rows)
      expect(Math.max(...sent)).toBeLessThanOrEqual(1_000)
    })

    test('loads what the function returned, and says what it rejected, with the key', async () => {
      await using db = await testDatabase()
      await createOrders(db)
      await using functions = await functionsServer(
        withoutIds(
          mapping(({ body, total, ...record }) =>
            body === 'body 7'
              ? `nothing for ${body}`
              : { ...record, total, body: 'x', new_field: 1 },
          ),
        ),
      )
      const { result } = await runPlan(await planOf(db, functions, { log }))
      expect(result.status).toBe('partial')
      expect(result.streams).toMatchObject([
        { status: 'complete', read: rows, loaded: rows - 1, rejected: 1 },
      ])
      expect(result.streams[0]?.warnings.join()).toContain('function:clean: nothing for body 7')
      expect(await db.query('SELECT key, reason FROM reactor_connect.rejected_records')).toEqual([
        { key: '[9007199254740999]', reason: 'function:clean: nothing for body 7' },
      ])
      expect(await db.query(`SELECT count(*)::int AS n FROM copy.orders WHERE body = 'x'`)).toEqual(
        [{ n: rows - 1 }],
      )
    })
  },
)

describe('a function that fails', () => {
  longTest('for a while delays the stream, which then has all rows once', async () => {
    await using db = await testDatabase()
    await createOrders(db)
    await using functions = await functionsServer((call) =>
      call.number % 2 === 1 ? { status: 503, body: '' } : unchanged(call),
    )
    const { result } = await runPlan(await planOf(db, functions))
    expect(result.status).toBe('complete')
    expect(await db.query(difference)).toEqual([{ n: 0 }])
  })

  test('by its response ends the stream at once, and nothing of the batch is loaded', async () => {
    await using db = await testDatabase()
    await createOrders(db)
    await using functions = await functionsServer(() => ({ body: '{"results":[]}' }))
    const { result } = await runPlan(await planOf(db, functions))
    expect(result.streams).toMatchObject([
      { status: 'failed', loaded: 0, error: { code: 'transform_invalid' } },
    ])
    expect(JSON.stringify(result)).not.toContain(functions.apiKey)
    expect(functions.calls.length).toBeLessThanOrEqual(4)
    expect(await db.query('SELECT count(*)::int AS n FROM copy.orders')).toEqual([{ n: 0 }])
  })

  longTest(
    'in the middle leaves whole checkpoints, and the next run goes on from there',
    async () => {
      await using db = await testDatabase()
      await createOrders(db)
      let isBroken = true
      await using functions = await functionsServer((call) =>
        isBroken && call.text.includes('body 3000') ? { status: 400, body: '' } : unchanged(call),
      )
      const plan = await planOf(db, functions, { mode: 'overwrite' })
      const { result } = await runPlan(plan)
      expect(result.streams).toMatchObject([
        { status: 'failed', error: { code: 'transform_refused', failure_type: 'config_error' } },
      ])
      isBroken = false
      expect((await runPlan(plan)).result.status).toBe('complete')
      expect(await db.query(difference)).toEqual([{ n: 0 }])
    },
  )

  longTest('does not keep a run from stopping, and the next one goes on', async () => {
    await using db = await testDatabase()
    await createOrders(db)
    let isDown = true
    await using functions = await functionsServer((call) =>
      isDown && call.number > 2
        ? { status: 503, headers: { 'retry-after': '120' }, body: '' }
        : unchanged(call),
    )
    const plan = await planOf(db, functions)
    const stop = new AbortController()
    const { result } = await runPlan(plan, stop.signal, ({ streams }) => {
      if (streams[0]?.rateLimitedUntilMs !== undefined) stop.abort()
    })
    expect(result.status).toBe('stopped')
    expect(result.seconds).toBeLessThan(30)
    isDown = false
    expect((await runPlan(plan)).result.status).toBe('complete')
    expect(await db.query(difference)).toEqual([{ n: 0 }])
  })

  test('to exist is found before anything is read', async () => {
    await using db = await testDatabase()
    await createOrders(db)
    await using functions = await functionsServer(unchanged)
    const { functions: service, ...plan } = await planOf(db, functions)
    expect(service).toBeDefined()
    const { result } = await runPlan(plan)
    expect(result.streams).toMatchObject([
      { status: 'failed', read: 0, error: { code: 'transform_not_available' } },
    ])
    expect(functions.calls).toEqual([])
  })
})

test('a sandbox calls the function too, for the rows that it reads', async () => {
  await using db = await testDatabase()
  await createOrders(db)
  await using functions = await functionsServer(
    withoutIds(
      mapping(({ more, ...record }) => ({
        ...record,
        body: more === 1 ? '' : 'changed',
        extra: 1,
      })),
    ),
  )
  const report = await runSandbox(
    await planOf(db, functions),
    { id: `sbx_${randomUUID().slice(0, 8)}`, limitRows: 100, expiresAtMs: Date.now() + 60_000 },
    { logger: silent, threads: sharedThreads(), now: Date.now, signal: neverAborted() },
  )
  expect(report.streams).toMatchObject([{ read: 100 }])
  expect(JSON.stringify(report.streams[0]?.sample_rows)).toContain('"changed"')
  expect(report.streams[0]?.schema_mismatches).toMatchObject([
    { field: 'extra', kind: 'undeclared', found: ['integer'], records: 100 },
    { field: 'more', kind: 'missing', records: 100 },
  ])
  expect(functions.calls).toHaveLength(1)
})

longTest('a run that is killed while the function works loads nothing twice', async () => {
  await using db = await testDatabase()
  await createOrders(db)
  const held = Promise.withResolvers<undefined>()
  let isKilled = false
  await using functions = await functionsServer(async (call) => {
    if (!isKilled && call.number > 3) await held.promise
    return unchanged(call)
  })
  const { ssl, ...address } = db.address
  await using file = await runFile(
    JSON.stringify({
      connection: `transform-${randomUUID().slice(0, 8)}`,
      source: {
        type: 'postgres',
        config: { ...address, ssl, schemas: ['public'], range_rows: 1_000 },
      },
      destination: { type: 'postgres', config: { ...address, ssl, schema: 'copy' } },
      functions: { url: functions.url, api_key: functions.apiKey },
      streams: [{ name: 'orders', destination_sync_mode: 'append', transform: 'function:clean' }],
      limits: { commit_bytes: 65_536, commit_ms: 10 },
    }),
  )
  await killEngineWhen(file.path, () => Promise.resolve(functions.calls.length > 3))
  isKilled = true
  held.resolve(undefined)
  await finishEngine(file.path)
  expect(await db.query(difference)).toEqual([{ n: 0 }])
})
