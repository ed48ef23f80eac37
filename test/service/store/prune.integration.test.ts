import { expect, test, vi } from 'vitest'
import { Database } from '../../../service/platform/database/database.ts'
import { newConnection, newInstance, openTestStore } from '../../support/open-test-store.ts'
import { silent } from '../../support/logger.ts'

const schema = 'reactor_connect_service'

test('what has outlived its time goes, and nothing else', async () => {
  await using opened = await openTestStore({ retention: { logDays: 10, discoveryHours: 5 } })
  const { store, database } = opened
  const { instances, discoveries, authorizations, idempotency, runs } = store
  for (const name of ['old', 'new']) {
    const { id } = await newInstance(store, name)
    await newConnection(store, name, { from: name })
    await discoveries.put(id, 1, { streams: [] })
    const run = await runs.create({ connection: name, trigger: 'manual' })
    await runs.appendLog(run.id, [{ atMs: 0, level: 'info', message: 'm', fields: {} }])
    await runs.cancel(name, run.id)
    const pending = { stateHash: name, redirectUri: '', sealed: '', lifetimeMs: 60_000 }
    await authorizations.create({ instance: name, ...pending })
    await idempotency.begin({ principal: name, key: 'k', requestHash: '' })
  }
  for (const name of ['old', 'new']) {
    const { id: connectionId } = await store.connections.get(name)
    await runs.createForJob({ connectionId, job: 'j' })
  }
  const active = await runs.create({ connection: 'old', trigger: 'manual' })
  await runs.appendLog(active.id, [{ atMs: 0, level: 'info', message: 'm', fields: {} }])
  const ofOld = (table: string): string =>
    `${table} = (SELECT id FROM ${schema}.instances WHERE name = 'old')`
  for (const sql of [
    `UPDATE ${schema}.discoveries SET discovered_at = now() - interval '6 hours' WHERE ${ofOld('instance_id')}`,
    `UPDATE ${schema}.oauth_states SET expires_at = now() WHERE ${ofOld('instance_id')}`,
    `UPDATE ${schema}.idempotency_keys SET created_at = now() - interval '25 hours' WHERE principal = 'old'`,
    `UPDATE ${schema}.schedule_jobs SET seen_at = now() - interval '8 days' FROM ${schema}.connections AS c
     WHERE connection_id = c.id AND c.name = 'old'`,
    `UPDATE ${schema}.runs SET ended_at = ended_at - interval '11 days' FROM ${schema}.connections AS c
     WHERE connection_id = c.id AND c.name = 'old'`,
  ])
    await database.query(sql)
  await store.prune()
  await store.prune()
  for (const [name, expected] of [
    ['old', 0],
    ['new', 1],
  ] as const) {
    const [run] = (await runs.list(name, { status: 'cancelled' })).items
    expect(await runs.log(run?.id ?? '', 0, 10)).toHaveLength(expected)
    const { id } = await instances.get(name)
    expect((await discoveries.get(id)) === null).toBe(expected === 0)
    expect((await authorizations.take(name)) === null).toBe(expected === 0)
  }
  expect(await runs.log(active.id, 0, 10)).toHaveLength(1)
  const keys = await database.query(`SELECT principal FROM ${schema}.idempotency_keys`)
  expect(keys).toEqual([{ principal: 'new' }])
  const jobs = await database.query(
    `SELECT c.name FROM ${schema}.schedule_jobs JOIN ${schema}.connections AS c ON c.id = connection_id`,
  )
  expect(jobs).toEqual([{ name: 'new' }])
})

test('much that is old goes in one call, also when several processes prune', async () => {
  await using opened = await openTestStore()
  const { store, database } = opened
  await newInstance(store)
  await newConnection(store, 'c')
  await database.query(
    `INSERT INTO ${schema}.runs (id, connection_id, status, trigger, ended_at)
     SELECT 'run_' || n, id, 'failed', 'manual', now() - interval '40 days'
     FROM ${schema}.connections, generate_series(1, 300) AS n`,
  )
  await database.query(
    `INSERT INTO ${schema}.run_log (run_id, seq, at, level, message, fields)
     SELECT id, n, now(), 'info', 'm', '{}' FROM ${schema}.runs, generate_series(1, 20) AS n`,
  )
  await database.query(
    `INSERT INTO ${schema}.idempotency_keys (principal, key, request_hash, ticket, locked_until, created_at)
     SELECT 'p', n, '', n, now(), now() - interval '2 days' FROM generate_series(1, 3000) AS n`,
  )
  await Promise.all([store.prune(), store.prune(), store.prune()])
  for (const table of ['run_log', 'idempotency_keys'])
    expect(await database.query(`SELECT count(*)::int FROM ${schema}.${table}`)).toEqual([
      { count: 0 },
    ])
  expect((await store.runs.list('c', { limit: 200 })).items).toHaveLength(200)
})

test('old runs hold up nothing else that is old', async () => {
  await using opened = await openTestStore()
  const { store, database } = opened
  await database.query(
    `INSERT INTO ${schema}.idempotency_keys (principal, key, request_hash, ticket, locked_until, created_at)
     VALUES ('p', 'k', '', 't', now(), now() - interval '2 days')`,
  )
  await using busy = new Database({ url: database.url, sessions: 1, logger: silent })
  let pruned: Promise<void> | undefined
  await busy.session(async (session) => {
    await session.query(`BEGIN; LOCK TABLE ${schema}.runs`)
    pruned = store.prune()
    await vi.waitFor(
      async () => {
        expect(await database.query(`SELECT FROM ${schema}.idempotency_keys`)).toEqual([])
      },
      { timeout: 10_000 },
    )
    await session.query('ROLLBACK')
  })
  await pruned
})

test('runs go after their time, but not the last one, the last complete one and one that is retried', async () => {
  await using opened = await openTestStore({ retention: { runDays: 10 } })
  const { store, database } = opened
  await newInstance(store)
  await newConnection(store, 'c')
  await newConnection(store, 'retried')
  const insert = async (
    connection: string,
    { id, days, status }: { id: string; days: number; status: string },
  ) => {
    await database.query(
      `INSERT INTO ${schema}.runs (id, connection_id, status, trigger, ended_at)
       SELECT '${id}', id, '${status}', 'manual', now() - interval '${days} days'
       FROM ${schema}.connections WHERE name = '${connection}'`,
    )
    await store.runs.appendLog(id, [{ atMs: 0, level: 'info', message: 'm', fields: {} }])
  }
  await insert('c', { id: 'run_1', days: 40, status: 'complete' })
  await insert('c', { id: 'run_2', days: 30, status: 'complete' })
  await insert('c', { id: 'run_3', days: 20, status: 'failed' })
  await insert('c', { id: 'run_4', days: 12, status: 'failed' })
  await insert('retried', { id: 'run_5', days: 12, status: 'failed' })
  await store.runs.create({ connection: 'retried', trigger: 'retry', retryOf: 'run_5' })
  await store.prune()
  const ids = async (name: string): Promise<readonly string[]> =>
    (await store.runs.list(name, {})).items.map(({ id }) => id)
  expect(await ids('c')).toEqual(['run_4', 'run_2'])
  expect(await ids('retried')).toContain('run_5')
  await insert('c', { id: 'run_6', days: 2, status: 'complete' })
  await store.prune()
  expect(await ids('c')).toEqual(['run_6'])
})
