import { expect, test } from 'vitest'
import { runServe } from '../../../../cli/serve/serve-command.ts'
import { ChangeListener } from '../../../../service/platform/database/change-listener.ts'
import { Database } from '../../../../service/platform/database/database.ts'
import { MigrationWatch } from '../../../../service/platform/database/migration-watch.ts'
import { migrations } from '../../../../service/platform/database/migrations.ts'
import { migrate } from '../../../../service/platform/database/migrate.ts'
import { openStore } from '../../../../service/store/open-store.ts'
import { testDatabase } from '../../../support/postgres.ts'
import { neverAborted } from '../../../support/signal.ts'
import { silent } from '../../../support/logger.ts'

const applied = `SELECT number, name FROM reactor_connect_service.migrations ORDER BY number`

test('services that start at once migrate once', async () => {
  await using database = await testDatabase()
  await Promise.all([1, 2, 3, 4].map(async () => migrate(database.url)))
  const first = await database.query(applied)
  expect(first[0]).toEqual({ number: 1, name: 'first-tables' })
  await migrate(database.url)
  expect(await database.query(applied)).toEqual(first)
})

test('a database of a later version is left alone', async () => {
  await using database = await testDatabase()
  await migrate(database.url)
  await database.query(
    `INSERT INTO reactor_connect_service.migrations (number, name) VALUES (999, 'later')`,
  )
  await expect(openStore({ url: database.url, logger: silent })).rejects.toMatchObject({
    code: 'store_schema_newer',
    details: { found: 999 },
  })
})

test('`serve --migrate-only` migrates, says what it did, and ends', async () => {
  await using database = await testDatabase()
  const migrateOnly = async (): Promise<string> => {
    const texts: string[] = []
    const code = await runServe(
      { config: undefined, migrateOnly: true, flags: { log_level: 'error' } },
      {
        environment: { REACTOR_CONNECT_DATABASE_URL: database.url },
        version: '1',
        signal: neverAborted(),
        writeOut: (text) => void texts.push(text),
        writeLog: (line) => void texts.push(line),
        now: Date.now,
      },
    )
    expect(code).toBe(0)
    return texts.join('')
  }
  const last = String(migrations.length)
  expect(await migrateOnly()).toBe(
    `The metadata database is up to date (migration ${last}): ${last} migrations were applied\n`,
  )
  expect(await migrateOnly()).toBe(`The metadata database was up to date (migration ${last})\n`)
  expect(await database.query(applied)).toHaveLength(migrations.length)
  expect(await database.query('SELECT name FROM reactor_connect_jobs.queue')).toHaveLength(1)
  await database.query(
    `INSERT INTO reactor_connect_service.migrations (number, name) VALUES (999, 'later')`,
  )
  await expect(migrateOnly()).rejects.toMatchObject({ code: 'store_schema_newer' })
})

test('a process that runs learns at once that a newer version has migrated', async () => {
  await using database = await testDatabase()
  const { url } = database
  const known = migrations.length - 1
  await migrate(url, known)
  await using sessions = new Database({ url, sessions: 1, logger: silent })
  await using listener = new ChangeListener({ url, logger: silent })
  const watch = new MigrationWatch({ database: sessions, listener, logger: silent, known })
  const stop = new AbortController()
  const watching = watch.watch(stop.signal)
  expect(await watch.look()).toBe(false)
  expect(await migrate(url)).toBe(1)
  await expect.poll(() => watch.newer.aborted).toBe(true)
  expect(watch.newer.reason).toMatchObject({
    code: 'store_schema_newer',
    details: { found: known + 1, known },
  })
  stop.abort()
  await watching
})

test('tables that are there need no right to make any', async () => {
  await using database = await testDatabase()
  await migrate(database.url)
  const role = `r_${database.address.database}`
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`)
  try {
    await database.query(`GRANT USAGE ON SCHEMA reactor_connect_service TO ${role}`)
    await database.query(`GRANT ALL ON ALL TABLES IN SCHEMA reactor_connect_service TO ${role}`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'p'
    await using store = await openStore({ url: url.href, logger: silent })
    expect((await store.instances.list({})).items).toEqual([])
  } finally {
    await database.query(`DROP OWNED BY ${role}`)
    await database.query(`DROP ROLE ${role}`)
  }
})

test('a database that is not there is unavailable, and no password is shown', async () => {
  await using database = await testDatabase()
  const url = new URL(database.url)
  url.pathname = '/nowhere'
  url.password = 'hunter2'
  const opened = openStore({ url: url.href, logger: silent })
  const error: unknown = await opened.catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'store_unavailable' })
  expect(JSON.stringify(error)).not.toContain('hunter2')
})

test('the streams of older runs are kept when the namespace becomes part of their key', async () => {
  await using database = await testDatabase()
  await migrate(database.url, 6)
  const columns = 'status, read, read_bytes, loaded, rejected, warnings'
  await database.query(`
    INSERT INTO reactor_connect_service.instances (id, name, type, config, secrets, credentials)
      VALUES ('i', 'shop', 'faker', '{}', '{}', 'ready');
    INSERT INTO reactor_connect_service.connections (id, name, instance_id, destination, options)
      VALUES ('c', 'shop', 'i', 'data:mart', '{}');
    INSERT INTO reactor_connect_service.runs (id, connection_id, trigger)
      VALUES ('run_00000000000000000000000000', 'c', 'manual');
    INSERT INTO reactor_connect_service.run_streams (run_id, name, namespace, ${columns})
      SELECT 'run_00000000000000000000000000', 'orders', namespace, 'complete', 5, 50, 5, 0, '[]'
      FROM unnest(ARRAY['', 'public']) AS namespace`)
  await using store = await openStore({ url: database.url, logger: silent })
  const { streams } = await store.runs.get('shop', 'run_00000000000000000000000000')
  expect(streams).toMatchObject([
    { name: 'orders', namespace: null, status: 'complete', loaded: 5 },
    { name: 'orders', namespace: 'public', status: 'complete', loaded: 5 },
  ])
})
