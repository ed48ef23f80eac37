import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { sinkStream, sync, withDestination, type StreamOptions } from './loading.ts'

const columns = { id: 'integer', cursor: 'integer', value: 'string' } as const

function keyed(key: readonly string[], options: StreamOptions = {}): SinkStream {
  const ofStream = { mode: 'append_dedup', syncMode: 'incremental', cursor: 'cursor' } as const
  return sinkStream(columns, { ...ofStream, key, ...options })
}

const first = [
  { id: 1, cursor: 1, value: 'a' },
  { id: 2, cursor: 1, value: 'b' },
]
const later = [
  { id: 1, cursor: 2, value: 'changed' },
  { id: 2, cursor: 1, value: 'b' },
]

async function values(db: TestDatabase): Promise<unknown> {
  const rows = await db.query('SELECT value FROM things ORDER BY id, cursor')
  return rows.map(({ value }) => value)
}

async function refused(db: TestDatabase, sink: SinkStream): Promise<ConnectError> {
  const error: unknown = await sync(db, sink, later).catch((thrown: unknown) => thrown)
  return ConnectError.from(error)
}

describe('a stream that is merged by another key than before', () => {
  test.each([[['id', 'value']], [['value']]])(
    '%j stops before it changes anything',
    async (key) => {
      await using db = await testDatabase()
      await sync(db, keyed(['id']), first)
      const error = await refused(db, keyed(key))
      expect(error).toMatchObject({ code: 'destination_key_changed', retryable: false })
      expect(error.message).toContain(
        `by the key (id), and stream things has the key (${key.join(', ')})`,
      )
      expect(error.suggestedFix).toContain('TRUNCATE "public"."things"')
      expect(await values(db)).toEqual(['a', 'b'])
      // The old key is still the one to go on with.
      await sync(db, keyed(['id']), later)
      expect(await values(db)).toEqual(['changed', 'b'])
    },
  )

  test('stops also after a reset, which leaves the rows', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await withDestination(db, (destination) => destination.forget('test', 'all'))
    expect(await refused(db, keyed(['id', 'value']))).toMatchObject({
      code: 'destination_key_changed',
    })
  })

  test('fills the table from the beginning once it is empty', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await db.query('TRUNCATE things')
    const begun = await sync(db, keyed(['id', 'value']), later)
    expect(begun.slices).toEqual([])
    expect(await values(db)).toEqual(['changed', 'b'])
    await sync(db, keyed(['id', 'value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
  })

  test('goes on after an overwrite replaced the rows', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await sync(
      db,
      keyed(['id', 'value'], { mode: 'overwrite_dedup', syncMode: 'full_refresh' }),
      later,
    )
    await sync(db, keyed(['id', 'value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
    // What an overwrite merged by a key counts too.
    expect(await refused(db, keyed(['id']))).toMatchObject({ code: 'destination_key_changed' })
  })

  test('goes on when only the order of the fields changed, or rows were appended before', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id', 'value'], { mode: 'append' }), first)
    await sync(db, keyed(['id']), first)
    expect(await values(db)).toEqual(['a', 'b'])
    await using other = await testDatabase()
    await sync(other, keyed(['id', 'value']), first)
    await sync(other, keyed(['value', 'id']), first)
    expect(await values(other)).toEqual(['a', 'b'])
  })
})
