import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openWorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { JsonObject } from '../../protocol/index.ts'
import {
  logConfig,
  planRun,
  runPlan,
  runPlanIn,
  type LogName,
  type PlanOptions,
} from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent } from '../support/logger.ts'
import { newFolder } from '../support/new-folder.ts'
import { isLong, longTest, usually } from '../support/long.ts'

const logs = usually<LogName>(2, ['embedded', 'kafka block', 'kafka record'])
const jsonObject = z.custom<JsonObject>()
const uniqueName = (): string => `run-${randomUUID().slice(0, 8)}`

interface FakerStream {
  readonly name: string
  readonly rows: number
  readonly slices?: number
  readonly state_every?: number
  readonly rows_per_second?: number
  readonly fail?: {
    readonly at_row: number
    readonly kind: string
    readonly times?: number
    readonly counter_file?: string
  }
}

function fakerPlan(
  warehouse: TestDatabase,
  streams: readonly FakerStream[],
  options: Partial<PlanOptions> = {},
): PlanOptions {
  const config = { seed: 7, streams: streams.map((stream) => ({ ...stream })) }
  return {
    connection: uniqueName(),
    source: { type: 'faker', config: jsonObject.parse(structuredClone(config)) },
    destination: warehouse.address,
    schema: 'faker',
    log: logConfig('embedded'),
    mode: 'append',
    ...options,
  }
}

async function idsOf(
  warehouse: TestDatabase,
  table: string,
): Promise<{ rows: number; ids: number; most: number }> {
  const [row] = await warehouse.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids, coalesce(max(id), 0)::int AS most FROM faker.${table}`,
  )
  return row as { rows: number; ids: number; most: number }
}

// Concurrent: its runs wait for a paced source, a poll or the broker most of the time.
describe.concurrent.each(logs)('a run through the %s log', { timeout: 120_000 }, (log) => {
  test('loads each record once in every mode', async () => {
    await using warehouse = await testDatabase()
    const modes = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const
    const streams = modes.flatMap((mode) => [
      { name: mode, rows: 3_000, slices: 3, state_every: 250 },
      { name: `empty_${mode}`, rows: 0 },
    ])
    const modeOf = (name: string): PlanOptions['mode'] => {
      const mode = modes.find((each) => name.endsWith(each))
      if (mode === undefined) throw new Error(`${name} has no mode`)
      return mode
    }
    const options = fakerPlan(warehouse, streams, {
      log: logConfig(log),
      ofStream: (name) => ({ mode: modeOf(name) }),
    })
    const { result } = await runPlan(await planRun(options))
    expect(result.streams.map(({ status, error }) => ({ status, error }))).toEqual(
      streams.map(() => ({ status: 'complete' })),
    )
    expect(result.status).toBe('complete')
    for (const mode of modes) {
      expect(await idsOf(warehouse, mode), mode).toMatchObject({ rows: 3_000, ids: 3_000 })
      expect(await idsOf(warehouse, `empty_${mode}`), mode).toMatchObject({ rows: 0 })
      expect(
        result.streams.find(({ stream }) => stream.name === mode),
        mode,
      ).toMatchObject({
        read: 3_000,
        loaded: 3_000,
        rejected: 0,
        resumed: false,
      })
    }
  })

  test('a stopped run resumes from the last checkpoint', async () => {
    await using warehouse = await testDatabase()
    const users = { name: 'users', rows: 40_000, state_every: 100 }
    const streams = [{ ...users, rows_per_second: 1_500 }]
    const options = fakerPlan(warehouse, streams, {
      log: logConfig(log),
      limits: { commitBytes: 20_000, commitMs: 20 },
    })
    const plan = await planRun(options)
    const stop = new AbortController()
    const stopped = await runPlan(plan, stop.signal, ({ streams: [stream] }) => {
      if (stream !== undefined && stream.loaded > 0) stop.abort()
    })
    expect(stopped.result.status).toBe('stopped')
    const half = await idsOf(warehouse, 'users')
    expect(half.rows).toBe(half.ids)
    expect(half.rows).toBeGreaterThan(0)
    expect(half.rows).toBeLessThan(40_000)
    const fast = fakerPlan(warehouse, [users]).source
    const { result } = await runPlan({ ...plan, source: fast })
    expect(result.streams[0]).toMatchObject({
      status: 'complete',
      resumed: true,
      read: 40_000 - half.rows,
    })
    expect(await idsOf(warehouse, 'users')).toMatchObject({ rows: 40_000, ids: 40_000 })
  })

  const testOnce = test.runIf(isLong || log === 'embedded')

  testOnce(
    'a newer run of the connection takes it over, and the older one ends and says by whom',
    async ({ expect }) => {
      await using warehouse = await testDatabase()
      const users = { name: 'users', rows: 4_000, state_every: 50 }
      const later = { ...users, name: 'later' }
      const options = fakerPlan(
        warehouse,
        [users, later].map((stream) => ({ ...stream, rows_per_second: 500 })),
        { log: logConfig(log), limits: { commitBytes: 1_000, commitMs: 20, parallelLanes: 1 } },
      )
      const older = runPlan(await planRun(options))
      const hasBegun = expect
        .poll(
          () =>
            idsOf(warehouse, 'users').then(
              ({ rows }) => rows,
              () => 0,
            ),
          { timeout: 40_000 },
        )
        .toBeGreaterThan(0)
      // One that ends before says why.
      const ended = older.then(({ result }) => result)
      expect(await Promise.race([hasBegun.then(() => 'begun'), ended])).toBe('begun')
      const fast = fakerPlan(warehouse, [users, later]).source
      const newer = await runPlan(await planRun({ ...options, source: fast }))
      expect(newer.result.status).toBe('complete')
      const { streams } = (await older).result
      for (const { status, error } of streams) {
        if (status === 'complete') continue
        expect(error).toMatchObject({ code: 'fenced' })
        const by = new RegExp(`a run that process ${process.pid} on \\S+ started at 20`)
        expect(error?.message).toMatch(by)
      }
      expect(streams[0]?.status).toBe('failed')
      for (const name of ['users', 'later'])
        expect(await idsOf(warehouse, name)).toMatchObject({ rows: 4_000, ids: 4_000 })
      // The run of the newer one has ended, whatever the older one did after it.
      expect(await warehouse.query('SELECT ended, start::int FROM reactor_connect.runs')).toEqual([
        { ended: true, start: 2 },
      ])
    },
  )

  testOnce('an incremental second run moves only what is new', async () => {
    await using warehouse = await testDatabase()
    const options = fakerPlan(warehouse, [{ name: 'users', rows: 1_000 }], {
      log: logConfig(log),
      mode: 'append_dedup',
      syncMode: 'incremental',
      cursor: 'updated_at',
    })
    await runPlan(await planRun(options))
    const grown = {
      ...options.source,
      config: { seed: 7, streams: [{ name: 'users', rows: 1_200 }] },
    }
    const { result } = await runPlan(await planRun({ ...options, source: grown }))
    expect(result.streams[0]).toMatchObject({
      status: 'complete',
      read: 200,
      loaded: 200,
      resumed: false,
    })
    expect(await idsOf(warehouse, 'users')).toMatchObject({ rows: 1_200, ids: 1_200 })
  })

  testOnce(
    'one failing stream does not stop the others, and nothing after its last state is committed',
    async () => {
      await using warehouse = await testDatabase()
      const streams = [
        { name: 'good', rows: 2_000 },
        {
          name: 'bad',
          rows: 2_000,
          state_every: 300,
          fail: { at_row: 1_000, kind: 'config_error' },
        },
      ]
      const options = fakerPlan(warehouse, streams, { log: logConfig(log) })
      const { result } = await runPlan(await planRun(options))
      expect(result.status).toBe('partial')
      expect(result.streams.map(({ status }) => status)).toEqual(['complete', 'failed'])
      expect(result.streams[1]?.error?.suggested_fix).toBeTruthy()
      expect(await idsOf(warehouse, 'good')).toMatchObject({ rows: 2_000, ids: 2_000 })
      const bad = await idsOf(warehouse, 'bad')
      expect(bad.rows).toBe(bad.ids)
      expect(bad.rows % 300).toBe(0)
      expect(bad.rows).toBeLessThanOrEqual(900)
      const mended = { seed: 7, streams: [{ name: 'bad', rows: 2_000, state_every: 300 }] }
      const again = await runPlan(
        await planRun({ ...options, source: { type: 'faker', config: mended } }),
      )
      expect(again.result.streams[0]).toMatchObject({ status: 'complete', resumed: true })
      expect(await idsOf(warehouse, 'bad')).toMatchObject({ rows: 2_000, ids: 2_000 })
    },
  )
})

// Concurrent: a stream that fails waits between its attempts most of the time.
describe.concurrent('a worker that dies', { timeout: 120_000 }, () => {
  test.each(
    usually(1, [
      ['exit', 'worker_died'],
      ['out_of_memory', 'worker_out_of_memory'],
    ]),
  )('of %s fails its stream with a clear error and never the process', async (kind, code) => {
    await using warehouse = await testDatabase()
    const streams = [
      { name: 'good', rows: 1_000 },
      { name: 'bad', rows: 1_000, state_every: 100, fail: { at_row: 500, kind } },
    ]
    await using threads = openWorkerThreads({
      lanes: 2,
      heapMb: 96,
      logger: silent,
    })
    const { result } = await runPlanIn(threads, await planRun(fakerPlan(warehouse, streams)))
    expect(result.streams[0]).toMatchObject({ status: 'complete' })
    expect(result.streams[1]).toMatchObject({ status: 'failed', error: { code } })
    const bad = await idsOf(warehouse, 'bad')
    expect(bad.rows).toBe(bad.ids)
    expect(bad.rows % 100).toBe(0)
  })
})

describe.concurrent('a transient failure', { timeout: 120_000 }, () => {
  test('is tried again from the last checkpoint within the run', async () => {
    await using warehouse = await testDatabase()
    const folder = await newFolder('retry')
    const fail = { at_row: 1_000, kind: 'error', times: 1, counter_file: join(folder, 'count') }
    const streams = [{ name: 'users', rows: 2_000, state_every: 100, fail }]
    const { result, metrics, log } = await runPlan(
      await planRun(fakerPlan(warehouse, streams, { limits: { commitBytes: 1_000 } })),
    )
    expect(result.status).toBe('complete')
    expect(await idsOf(warehouse, 'users')).toMatchObject({ rows: 2_000, ids: 2_000 })
    // The rows that the failed attempt had read and not committed were read again.
    expect(result.streams[0]).toMatchObject({ read: 2_000, loaded: 2_000 })
    expect(result.streams[0]?.readAgain).toBeGreaterThanOrEqual(0)
    expect(log).toMatchObject([
      {
        msg: 'stream failed, trying again',
        stream: 'users',
        code: 'simulated_failure',
        attempt: 1,
        read: 1_000,
        reason: 'Stream users: the faker is configured to fail at row 1000',
      },
    ])
    expect(metrics).toMatch(/reactor_connect_run_retries_total\{[^}]*\} 1/)
  })
})

longTest.concurrent(
  'a stream that fails again and again says what it read again',
  { timeout: 120_000 },
  async () => {
    await using warehouse = await testDatabase()
    const fail = { at_row: 1_000, kind: 'error' }
    const streams = [{ name: 'users', rows: 2_000, state_every: 300, fail }]
    // An attempt comes to a commit only if its read fails late, on a busy machine.
    const limits = { commitMs: 60_000 }
    const { result, log } = await runPlan(await planRun(fakerPlan(warehouse, streams, { limits })))
    const attempts = z.array(z.looseObject({ read: z.number(), loaded: z.number() })).parse(log)
    const again = attempts.reduce((sum, { read, loaded }) => sum + read - loaded, 0)
    expect(result.streams[0]).toMatchObject({ status: 'failed', read: 900, readAgain: again })
  },
)

test('a run says when the rows of a table are exchanged', async () => {
  await using warehouse = await testDatabase()
  const options = fakerPlan(warehouse, [{ name: 'users', rows: 10 }], { mode: 'overwrite' })
  const plan = await planRun(options)
  await runPlan(plan)
  // Holds up what the exchange does first, and nothing before it.
  await using holder = await holdLock(warehouse, 'LOCK TABLE faker.users IN SHARE MODE')
  const { result, progress } = await runPlan(plan, undefined, ({ streams }) => {
    if (streams.some(({ bottleneck }) => bottleneck === 'exchange')) holder.release()
  })
  expect(result.status).toBe('complete')
  const exchanging = progress.flatMap(({ streams }) =>
    streams.filter(({ bottleneck }) => bottleneck === 'exchange'),
  )
  expect(exchanging[0]).toMatchObject({ status: 'running', loaded: 10 })
})

/** A session of its own that holds a lock until it is released. */
async function holdLock(
  { url }: TestDatabase,
  lock: string,
): Promise<AsyncDisposable & { release(): void }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`BEGIN; ${lock}`)
  let ended: Promise<void> | undefined
  const release = (): void => {
    ended ??= client.end()
  }
  return {
    release,
    [Symbol.asyncDispose]: async () => {
      release()
      await ended
    },
  }
}

test.each(['overwrite', 'overwrite_dedup'] as const)(
  'rows of %s whose exchange fails are not reported as loaded, and those of a later start all are',
  async (mode) => {
    await using warehouse = await testDatabase()
    const streams = [{ name: 'users', rows: 30 }]
    const limits = { commitBytes: 1 }
    const options = fakerPlan(warehouse, streams, { mode, limits })
    const plan = { ...(await planRun(options)), runKey: 'a' }
    await runPlan({ ...plan, runKey: 'before' })
    await warehouse.query('ALTER TABLE faker.users ADD CHECK (id < 0) NOT VALID')
    const { result, progress } = await runPlan(plan)
    expect(result.streams[0]).toMatchObject({ status: 'failed', read: 30, loaded: 0, rejected: 0 })
    expect(progress.at(-1)?.streams[0]).toMatchObject({ status: 'failed', loaded: 0 })
    await warehouse.query('ALTER TABLE faker.users DROP CONSTRAINT users_id_check')
    const again = await runPlan(plan)
    const [stream] = again.result.streams
    expect(stream).toMatchObject({ status: 'complete', loaded: 0, before: { loaded: 30 } })
    expect(await idsOf(warehouse, 'users')).toMatchObject({ rows: 30, ids: 30 })
  },
)
