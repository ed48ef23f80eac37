import { describe, expect, test } from 'vitest'
import { checkWrites } from '../../../service/platform/database/check-writes.ts'
import { Database } from '../../../service/platform/database/database.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { metadataTemplate, startPostgres, testDatabase } from '../../support/postgres.ts'
import { mountSmallDisk } from '../../support/small-disk.ts'
import { newConnection, newInstance, openTestStore } from './open-test-store.ts'
import { silent } from '../../support/logger.ts'

const schema = 'reactor_connect_service'
const hourly = { cron: '0 * * * *' }

test('the status tells the last success of each active connection, what waits and what is overdue', async () => {
  await using opened = await openTestStore()
  const { store, database } = opened
  await newInstance(store)
  const past = new Date(Date.now() - 90_000).toISOString()
  for (const name of ['a', 'b', 'never'])
    await newConnection(store, name, { schedule: hourly, nextRunAt: name === 'b' ? past : null })
  await newConnection(store, 'paused', { status: 'paused' })
  const end = async (connection: string, status: 'complete' | 'failed' | 'partial') => {
    const { id } = await store.runs.create({ connection, trigger: 'manual' })
    await store.runs.claim(id, 'me', 1_000)
    await store.runs.end(id, 'me', { status, streams: [], warnings: [], error: null })
  }
  await end('a', 'failed')
  await end('a', 'complete')
  await end('b', 'complete')
  await database.query(
    `UPDATE ${schema}.runs SET ended_at = '2026-01-02T03:04:05Z' WHERE status = 'complete'`,
  )
  await end('b', 'failed')
  const seconds = Date.parse('2026-01-02T03:04:05Z') / 1_000
  expect(await store.status()).toEqual({
    connections: [
      { connection: 'a', lastSuccessSeconds: seconds, isFailing: false },
      { connection: 'b', lastSuccessSeconds: seconds, isFailing: true },
      { connection: 'never', lastSuccessSeconds: 0, isFailing: false },
    ],
    queuedRuns: 0,
    oldestQueuedSeconds: 0,
    overdueSchedules: 1,
  })
  const { id } = await store.runs.create({ connection: 'never', trigger: 'manual' })
  await database.query(
    `UPDATE ${schema}.runs SET due_at = now() - interval '100 s' WHERE id = '${id}'`,
  )
  const waiting = await store.status()
  expect(waiting).toMatchObject({ queuedRuns: 1 })
  expect(waiting.oldestQueuedSeconds).toBeGreaterThanOrEqual(100)
  await store.runs.claim(id, 'me', 1_000)
  const again = { streams: [], warnings: [], error: null, progressed: false, delayMs: 60_000 }
  await store.runs.requeue(id, 'me', again)
  const retried = await store.status()
  expect(retried.queuedRuns).toBe(0)
  expect(retried.connections).toContainEqual({
    connection: 'never',
    lastSuccessSeconds: 0,
    isFailing: true,
  })
})

describe('a check of writes', () => {
  test('keeps nothing, also when several processes check at once', async () => {
    await using opened = await openTestStore()
    await Promise.all(Array.from({ length: 5 }, () => opened.store.checkWrites()))
    const [row] = await opened.database.query(
      `SELECT pg_relation_size('${schema}.write_check')::int AS bytes`,
    )
    expect(row).toEqual({ bytes: 0 })
  })

  test('succeeds during a backup, which holds every table until it ends', async () => {
    await using opened = await openTestStore()
    await using backup = new Database({ url: opened.database.url, sessions: 1, logger: silent })
    await backup.session(async (session) => {
      // As pg_dump does.
      await session.query(`BEGIN; LOCK TABLE ${schema}.write_check IN ACCESS SHARE MODE`)
      await Promise.all(Array.from({ length: 3 }, () => opened.store.checkWrites()))
      await session.query('ROLLBACK')
    })
    await opened.store.checkWrites()
    const rows = await opened.database.query(`SELECT FROM ${schema}.write_check`)
    expect(rows).toEqual([])
  })

  test('fails when the disk has no room', async (context) => {
    await using disk = await mountSmallDisk('20k')
    if ('missing' in disk) {
      context.skip(disk.missing)
      return
    }
    await using postgres = await startPostgres()
    await using admin = new Database({ url: postgres.url, sessions: 1, logger: silent })
    await using store = await openStore({ url: postgres.url, logger: silent })
    await store.checkWrites()
    await admin.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`)
    await admin.query(`ALTER TABLE ${schema}.write_check SET TABLESPACE small`)
    await expect(store.checkWrites()).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: expect.stringContaining('53100') as string },
    })
    await disk.grow('1m')
    await store.checkWrites()
  })

  test('fails in a database that is read-only', async () => {
    // None that another test uses after this one.
    await using metadata = await testDatabase(metadataTemplate)
    const name = metadata.address.database
    await metadata.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`)
    await using database = new Database({ url: metadata.url, sessions: 1, logger: silent })
    await expect(checkWrites(database)).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
