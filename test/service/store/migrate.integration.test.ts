import { expect, test } from 'vitest'
import { migrate } from '../../../service/store/migrate.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { testDatabase } from '../../support/postgres.ts'
import { silent } from './open-test-store.ts'

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
