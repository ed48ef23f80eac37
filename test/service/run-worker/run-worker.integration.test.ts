import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../protocol/index.ts'
import type { Run } from '../../../service/runs/schema.ts'
import type { RunEvent } from '../../../service/runs/contract.ts'
import { emptyStream } from '../../../service/run-worker/attempt-streams.ts'
import type { Service } from '../../../service/service.ts'
import { DestinationSession } from '../../../sinks/postgres/session.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'
import { silent } from '../../support/logger.ts'
import { openPgBossQueue } from '../../../service/platform/jobs/pg-boss-queue.ts'
import { newFolder } from '../../support/new-folder.ts'
import { longTest } from '../../support/long.ts'

async function makeShop(service: Service, streams: readonly JsonObject[]): Promise<void> {
  const { instances, connections } = service
  await instances.create({ name: 'fake', type: 'faker', config: { streams } })
  await connections.create({ name: 'shop', from: 'fake', destination: 'data:shop', activate: true })
}
const quickRetries = {
  retries: { maxFruitless: 2, firstDelayMs: 100, maxDelayMs: 100 },
}

test('a follower sees every line once and in order, and the end last', async () => {
  await using test = await testService()
  const { runs } = test.service
  await makeShop(test.service, [{ name: 'a', rows: 20_000 }])
  const { id } = await runs.start('shop')
  const events: RunEvent[] = []
  for await (const event of runs.follow('shop', id, 0, AbortSignal.timeout(60_000))) {
    if (events.length === 0) test.work()
    events.push(event)
  }
  const lines = events.flatMap((event) => (event.type === 'log' ? [event.line] : []))
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1))
  expect(lines.map(({ message }) => message)).toEqual([
    'run started',
    'stream complete',
    'run ended',
  ])
  const states = events.flatMap((event) => (event.type === 'run' ? [event.run.status] : []))
  expect(states[0]).toBe('queued')
  expect(events.at(-1)).toMatchObject({ type: 'run', run: { status: 'complete', loaded: 20_000 } })
  expect(await runs.logs('shop', id, 1, 10)).toEqual(lines.slice(1))
})

test('a retry reads only what the run before it did not complete', async () => {
  await using test = await testService()
  const { runs } = test.service
  const folder = await newFolder('retry')
  const fail = {
    at_row: 50,
    kind: 'config_error',
    times: 1,
    counter_file: join(folder, 'failures'),
  }
  await makeShop(test.service, [
    { name: 'good', rows: 100 },
    { name: 'bad', rows: 100, state_every: 10, fail },
  ])
  test.work(quickRetries)
  const partial = await runToEnd(runs, await runs.start('shop'))
  expect(partial).toMatchObject({
    status: 'partial',
    attempts: 1,
    error: { code: 'simulated_config_error' },
  })
  const retry = await runToEnd(runs, await runs.retry('shop', partial.id))
  expect(retry).toMatchObject({ status: 'complete', trigger: 'retry', retryOf: partial.id })
  const [bad, good] = retry.streams.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  expect(good).toMatchObject({ name: 'good', status: 'complete', read: 0 })
  expect(bad).toMatchObject({ name: 'bad', status: 'complete' })
  const before = partial.streams.find(({ name }) => name === 'bad')
  expect((before?.loaded ?? 0) + (bad?.loaded ?? 0)).toBe(100)
  // The run before it has reported the stream that it took over: no later run reports it again.
  expect(
    await test.data.query('SELECT name, told_run::int FROM reactor_connect.streams ORDER BY name'),
  ).toEqual([
    { name: 'bad', told_run: 2 },
    { name: 'good', told_run: 2 },
  ])
  await expect(runs.retry('shop', retry.id)).rejects.toThrow(/are complete/)
})

test('the run has what the destination had to tell before the destination forgets it', async () => {
  await using test = await testService()
  const { runs } = test.service
  // An append warns of the rows that it finds. There is time to lock before it ends.
  await makeShop(test.service, [{ name: 'a', rows: 10, rows_per_second: 5 }])
  await test.data.query(
    `CREATE SCHEMA shop; CREATE TABLE shop.a (id bigint, _airbyte_raw_id uuid, _airbyte_extracted_at timestamptz,
       _airbyte_meta jsonb, _airbyte_generation_id bigint); INSERT INTO shop.a (id) VALUES (1)`,
  )
  await test.service.connections.update('shop', {
    streams: [{ name: 'a', destinationSyncMode: 'append' }],
  })
  const { id } = await runs.start('shop')
  // No heartbeat stores the end of the stream.
  test.work({ beatMs: 60_000 })
  await expect
    .poll(() => test.data.query(`SELECT to_regclass('reactor_connect.runs') AS made`))
    .not.toEqual([{ made: null }])
  await using holder = await DestinationSession.open({ address: test.data.address })
  await expect.poll(() => test.data.query('SELECT FROM reactor_connect.runs')).toHaveLength(1)
  await holder.run('BEGIN; SELECT FROM reactor_connect.runs FOR UPDATE')
  const stored = async (): Promise<unknown> => (await runs.get('shop', id)).streams
  const warned = { status: 'complete', warnings: [expect.stringContaining('holds rows')] }
  await expect.poll(stored, { timeout: 20_000 }).toMatchObject([warned])
  const query = 'SELECT told_run::int FROM reactor_connect.streams'
  expect(await test.data.query(query)).toEqual([{ told_run: null }])
  expect((await runs.get('shop', id)).status).toBe('running')
  await holder.rollback()
  expect(await runToEnd(runs, await runs.get('shop', id))).toMatchObject({ status: 'complete' })
  expect(await test.data.query(query)).toEqual([{ told_run: 1 }])
})

test('a run that is partial only because of rejected records is not retried', async () => {
  await using test = await testService()
  const { runs } = test.service
  await makeShop(test.service, [{ name: 'a', rows: 10 }])
  const { id } = await runs.start('shop')
  const { runs: stored } = test.store
  await stored.claim(id, 'me', 60_000)
  const stream = { ...emptyStream({ name: 'a' }), status: 'complete', rejected: 2 } as const
  await stored.end(id, 'me', { status: 'partial', streams: [stream], warnings: [], error: null })
  await expect(runs.retry('shop', id)).rejects.toMatchObject({ code: 'run_not_retryable' })
})

longTest('a retry whose first run was deleted with age reads all streams', async () => {
  await using test = await testService()
  const { runs } = test.service
  await makeShop(test.service, [
    { name: 'good', rows: 10 },
    { name: 'bad', rows: 10, fail: { at_row: 5, kind: 'config_error' } },
  ])
  const { id } = await runs.start('shop')
  await test.store.runs.cancel('shop', id)
  const retry = await runs.retry('shop', id)
  await test.metadata.query(`DELETE FROM reactor_connect_service.runs WHERE id = '${id}'`)
  test.work(quickRetries)
  expect(await runToEnd(runs, retry)).toMatchObject({
    status: 'partial',
    error: { code: 'simulated_config_error' },
  })
})

longTest('a retry reads all streams where the connection was changed or reset since', async () => {
  await using test = await testService()
  const { connections, runs } = test.service
  const fail = { at_row: 5, kind: 'config_error' }
  await makeShop(test.service, [
    { name: 'good', rows: 10 },
    { name: 'bad', rows: 10, fail },
  ])
  test.work(quickRetries)
  const goodOf = async (run: Promise<Run>): Promise<unknown> =>
    (await runToEnd(runs, await run)).streams.find(({ name }) => name === 'good')
  const first = await runs.start('shop')
  expect(await goodOf(Promise.resolve(first))).toMatchObject({ status: 'complete', loaded: 10 })
  expect(await goodOf(runs.retry('shop', first.id))).toMatchObject({ loaded: 0 })
  await connections.reset('shop')
  expect(await goodOf(runs.retry('shop', first.id))).toMatchObject({ loaded: 10 })
  await connections.update('shop', { destination: 'data:other' })
  expect(await goodOf(runs.retry('shop', first.id))).toMatchObject({ loaded: 10 })
  expect(await test.data.query('SELECT count(*)::int AS rows FROM other.good')).toEqual([
    { rows: 10 },
  ])
})

test('a queued run is cancelled at once, and nobody works on it', async () => {
  await using test = await testService()
  const { runs } = test.service
  await makeShop(test.service, [{ name: 'a', rows: 10 }])
  const { id } = await runs.start('shop')
  expect(await runs.cancel('shop', id)).toMatchObject({ status: 'cancelled' })
  test.work()
  expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({ status: 'complete' })
  expect(await runs.find(id)).toMatchObject({ status: 'cancelled', attempts: 0 })
})

longTest(
  'a new run after one that was cancelled reads what that had completed too, as its sandbox says',
  async () => {
    await using test = await testService()
    const { instances, connections, runs, sandboxes } = test.service
    const slow = { name: 'slow', rows: 100_000, rows_per_second: 1_000 }
    await instances.create({
      name: 'fake',
      type: 'faker',
      config: { streams: [{ name: 'quick', rows: 10 }, slow] },
    })
    const append = { syncMode: 'full_refresh', destinationSyncMode: 'append' } as const
    await connections.create({
      name: 'shop',
      from: 'fake',
      destination: 'data:shop',
      activate: true,
      streams: [
        { name: 'quick', ...append },
        { name: 'slow', ...append },
      ],
    })
    test.work()
    const cancelled = async (): Promise<void> => {
      const run = await runs.start('shop')
      await expect
        .poll(async () => (await runs.find(run.id)).streams, { timeout: 20_000 })
        .toContainEqual(expect.objectContaining({ name: 'quick', status: 'complete' }))
      await runs.cancel('shop', run.id)
      const { status, streams } = await runToEnd(runs, run)
      expect(status).toBe('cancelled')
      expect(streams).toContainEqual(expect.objectContaining({ name: 'quick', loaded: 10 }))
    }
    await cancelled()
    const { report } = await sandboxes.run('shop', { limitRows: 20, principal: 'key_1' })
    const quick = report.streams.find(({ name }) => name === 'quick')
    expect(quick?.diff_vs_current?.rows).toMatchObject({ insert: 10 })
    await cancelled()
    expect(await test.data.query('SELECT count(*)::int AS rows FROM shop.quick')).toEqual([
      { rows: 20 },
    ])
  },
)

longTest('a process that lost its run stops working on it, and does not touch it', async () => {
  await using test = await testService()
  const { runs } = test.service
  await makeShop(test.service, [{ name: 'a', rows: 50_000, rows_per_second: 2_000 }])
  test.work()
  const { id } = await runs.start('shop')
  await expect
    .poll(async () => (await runs.find(id)).loaded, { timeout: 20_000 })
    .toBeGreaterThan(0)
  expect(await test.store.runs.claim(id, 'another process', 0)).toMatchObject({ attempts: 2 })
  await expect
    .poll(() => test.logged.join(''), { timeout: 20_000 })
    .toContain('another process has taken the run over')
  expect(await runs.find(id)).toMatchObject({ status: 'running', attempts: 2 })
  expect(await test.store.runs.progress(id, 'another process', [])).toBe('continue')
})

describe('a newer version that has migrated', () => {
  test('the metadata database drains a process, which learns it from the next run, says so, and leaves runs queued', async () => {
    await using test = await testService()
    const { instances, connections, runs, health } = test.service
    const rows = { rows: 50_000, rows_per_second: 2_000, state_every: 100 }
    await makeShop(test.service, [{ name: 'a', ...rows }])
    await instances.create({
      name: 'next',
      type: 'faker',
      config: { streams: [{ name: 'b', rows: 1 }] },
    })
    await connections.create({ name: 'next', from: 'next', destination: 'data:b', activate: true })
    test.work()
    const { id } = await runs.start('shop')
    await expect
      .poll(async () => (await runs.find(id)).loaded, { timeout: 20_000 })
      .toBeGreaterThan(0)
    await test.metadata.query(
      `INSERT INTO reactor_connect_service.migrations (number, name) VALUES (999, 'later')`,
    )
    const next = await runs.start('next')
    const log = (): string => test.logged.join('')
    await expect.poll(log, { timeout: 20_000 }).toContain('this process has drained')
    expect(log().split('has migrated the metadata database: this process drains')).toHaveLength(2)
    expect(await runs.find(id)).toMatchObject({ status: 'queued', error: null, attempts: 1 })
    expect(await runs.find(next.id)).toMatchObject({ status: 'queued', attempts: 0 })
    const due = `SELECT data ->> 'run' AS run FROM reactor_connect_jobs.job WHERE name = 'runs'`
    expect(await test.metadata.query(due)).toEqual(
      expect.arrayContaining([{ run: id }, { run: next.id }]),
    )
    expect((await health.report()).problems).toEqual([
      expect.stringContaining('(migration 999; this version knows '),
    ])
    await test.metadata.query('DELETE FROM reactor_connect_service.migrations WHERE number = 999')
  })

  longTest(
    'a destination has its runs, which fail when it takes none of them in time',
    async () => {
      await using test = await testService()
      const { runs } = test.service
      const { data } = test
      await makeShop(test.service, [{ name: 'a', rows: 10 }])
      test.work({ leaveMs: 50, leftForMs: 3_000 })
      await runToEnd(runs, await runs.start('shop'))
      await data.query('INSERT INTO reactor_connect.migrations (version) VALUES (999)')
      const left = await runs.start('shop')
      await expect
        .poll(() => runs.find(left.id), { timeout: 20_000 })
        .toMatchObject({ status: 'queued', error: { code: 'destination_bookkeeping_newer' } })
      await data.query('DELETE FROM reactor_connect.migrations WHERE version = 999')
      test.work({ leaveMs: 50 })
      expect(await runToEnd(runs, left)).toMatchObject({ status: 'complete', attempts: 2 })
      await data.query('INSERT INTO reactor_connect.migrations (version) VALUES (999)')
      test.work({ leaveMs: 50, leftForMs: 0 })
      expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({
        status: 'failed',
        error: { code: 'destination_bookkeeping_newer' },
      })
    },
  )
})

describe('two jobs for one run that arrive at the same time', () => {
  async function claimTwice(test: TestService, work: () => void): Promise<Run> {
    const { runs } = test.service
    await makeShop(test.service, [{ name: 'a', rows: 4_000, rows_per_second: 2_000 }])
    await using queue = await openPgBossQueue({ url: test.metadata.url, logger: silent })
    await using holder = await DestinationSession.open({ address: test.metadata.address })
    const run = await runs.start('shop')
    // Both jobs are there before the first claim gets through.
    await holder.run('BEGIN; SELECT FROM reactor_connect_service.runs FOR UPDATE')
    work()
    const jobs = (): Promise<unknown> =>
      test.metadata.query(`SELECT FROM reactor_connect_jobs.job WHERE name = 'runs'`)
    await expect.poll(jobs, { timeout: 20_000 }).toHaveLength(0)
    await queue.send(run.id, 0)
    await expect.poll(jobs, { timeout: 20_000 }).toHaveLength(0)
    await holder.rollback()
    return await runToEnd(runs, run)
  }

  longTest('are one attempt in one process, also when the run looks lost', async () => {
    await using test = await testService()
    const ended = await claimTwice(test, () => {
      test.work({ staleMs: 0 })
    })
    expect(ended).toMatchObject({ status: 'complete', attempts: 1, loaded: 4_000 })
  })

  test('are one run at the end, even if both workers have the same name', async () => {
    await using test = await testService()
    const ended = await claimTwice(test, () => {
      test.work({ staleMs: 0 }, 'me')
      test.work({ staleMs: 0 }, 'me')
    })
    expect(ended.error).toBeNull()
    expect(ended).toMatchObject({ status: 'complete', loaded: 4_000 })
    expect(test.logged.join('').split('another process has taken the run over')).toHaveLength(
      ended.attempts,
    )
  })
})

// Concurrent: they wait between attempts most of the time.
describe.concurrent('a run that cannot succeed', { timeout: 120_000 }, () => {
  test('and moves nothing fails after its last attempt, with the reason', async () => {
    await using test = await testService()
    const { runs } = test.service
    await makeShop(test.service, [{ name: 'a', rows: 10, fail: { at_row: 0, kind: 'error' } }])
    test.work(quickRetries)
    const run = await runToEnd(runs, await runs.start('shop'))
    expect(run).toMatchObject({ status: 'failed', error: { code: 'simulated_failure' } })
    expect(run.attempts).toBe(2)
  })

  longTest(
    'since a mistake of the program stops it ends as failed, and nothing of the mistake is shown',
    async () => {
      await using test = await testService()
      const { runs } = test.service
      const fail = { at_row: 5, kind: 'error' }
      await makeShop(test.service, [{ name: 'a', rows: 10, fail }])
      const mistaken = {
        firstDelayMs: 100,
        maxDelayMs: 100,
        get maxFruitless(): number {
          throw new SyntaxError('Invalid regular expression: /planted-SECRET/')
        },
      }
      test.work({ retries: mistaken })
      const ended = await runToEnd(runs, await runs.start('shop'))
      expect(ended).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'unexpected' } })
      expect(JSON.stringify(ended) + test.logged.join('')).not.toContain('SECRET')
      expect(test.logged.join('')).toContain('run-attempt.ts')
    },
  )
})
