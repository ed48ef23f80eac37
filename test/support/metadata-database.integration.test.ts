import { expect, test } from 'vitest'
import { newInstance, openTestStore } from './open-test-store.ts'
import { metadataDatabase } from './metadata-database.ts'

const tables = `SELECT table_schema, table_name FROM information_schema.tables
  WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`

test('a metadata database that is used again is as it was at first', async () => {
  const first = await openTestStore()
  const { database } = first
  const before = await database.query(tables)
  await newInstance(first.store)
  await database.query(
    'CREATE TABLE public.left_over (); CREATE SCHEMA data CREATE TABLE orders ()',
  )
  await database.query('SELECT pg_advisory_lock(1)')
  await first[Symbol.asyncDispose]()
  await using again = await openTestStore()
  expect(again.database.address).toEqual(database.address)
  expect(await again.database.query(tables)).toEqual(before)
  expect((await again.store.instances.list({})).items).toEqual([])
  const [{ number } = {}] = await again.database.query(
    'SELECT count(*)::int AS number FROM reactor_connect_service.migrations',
  )
  expect(number).toBeGreaterThan(0)
})

test('two metadata databases at a time are never the same', async () => {
  await using first = await metadataDatabase()
  await using other = await metadataDatabase()
  expect(first.address.database).not.toBe(other.address.database)
})
