import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SyncMode } from '../../sinks/sink.ts'
import { testDatabase } from '../support/postgres.ts'
import { sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

/**
 * As uuids are: small, but 100 of them are more than the 2 KB from which the server moves values out of a
 * row.
 */
const value = '00000000-1111-4222-8333-444444444444'

function named<T>(count: number, value: T): Record<string, T> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`c${String(index)}`, value]),
  )
}

test.each<SyncMode>(usually(1, ['append', 'append_dedup', 'overwrite', 'overwrite_dedup']))(
  'the small values of a table of many columns stay in their rows: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream(
      { id: 'integer', ...named(100, 'string' as const) },
      { mode, key: ['id'] },
    )
    const records = [1, 2, 3].map((id) => ({ id, ...named(100, value) }))
    await sync(db, sink, records)
    await sync(db, sink, records)
    const [things] = await db.query(
      `SELECT pg_relation_size(reltoastrelid)::int AS moved, reloptions AS options,
              (SELECT count(*)::int FROM things WHERE c99 = $1) AS rows
         FROM pg_class WHERE oid = 'things'::regclass`,
      [value],
    )
    expect(things).toEqual({
      moved: 0,
      options: ['toast_tuple_target=8160'],
      rows: mode === 'append' ? 6 : 3,
    })
  },
)

test('a large value of a table of many columns leaves its row, and one of few columns is as the server makes it', async () => {
  await using db = await testDatabase()
  const columns = { id: 'integer', ...named(70, 'string' as const) } as const
  // It cannot be compressed.
  const large = randomBytes(16_000).toString('base64')
  await sync(db, sinkStream(columns), [{ id: 1, ...named(70, 'a'), c5: large }])
  await sync(db, sinkStream({ id: 'integer' }, { name: 'few' }), [{ id: 1 }])
  const tables = await db.query(
    `SELECT relname AS name, pg_relation_size(reltoastrelid) > 0 AS moved, reloptions AS options FROM pg_class
      WHERE relname IN ('things', 'few') ORDER BY relname`,
  )
  expect(tables).toEqual([
    { name: 'few', moved: false, options: null },
    { name: 'things', moved: true, options: ['toast_tuple_target=8160'] },
  ])
  expect(await db.query('SELECT c5 = $1 AS same FROM things', [large])).toEqual([{ same: true }])
})
