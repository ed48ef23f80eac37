import { expect, test } from 'vitest'
import { testDatabase } from '../support/postgres.ts'
import { begin, blockOf, commit, openLane, sinkStream } from './loading.ts'
import { usually } from '../support/long.ts'

const columns = { id: 'integer', b: 'integer' } as const

// Eight bytes of a bigint are a double precision too, of another value; the other types refuse them.
test.each(usually(1, ['double precision', 'numeric', 'text', 'timestamptz']))(
  'a column that becomes %s while a lane loads the table takes no bytes of its old type',
  async (type) => {
    await using db = await testDatabase()
    const sync = await begin(db, sinkStream(columns))
    await using lane = await openLane(db, sync)
    await lane.write(blockOf(sync.sink.columns, [{ id: 1, b: 10 }]))
    await commit(lane, 1, { complete: false })
    const using = type === 'timestamptz' ? 'to_timestamp(b)' : `b::${type}`
    await db.query(`ALTER TABLE things ALTER COLUMN b TYPE ${type} USING ${using}`)
    const next = async (): Promise<void> => {
      await lane.write(blockOf(sync.sink.columns, [{ id: 2, b: 20 }], { seq: 1 }))
      await commit(lane, 2)
    }
    await expect(next()).rejects.toMatchObject({
      code: 'destination_column_changed',
      retryable: true,
      details: {
        table: '"public"."things"',
        column: 'b',
        type: expect.stringContaining(type.slice(0, 4)) as unknown,
      },
    })
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }])
  },
)

test('a table that is replaced by one of its name while a lane loads it takes none of the rows', async () => {
  await using db = await testDatabase()
  const sync = await begin(db, sinkStream(columns))
  await using lane = await openLane(db, sync)
  await lane.write(blockOf(sync.sink.columns, [{ id: 1, b: 10 }]))
  await commit(lane, 1, { complete: false })
  await db.query(
    'CREATE TABLE other (LIKE things); DROP TABLE things; ALTER TABLE other RENAME TO things',
  )
  const next = async (): Promise<void> => {
    await lane.write(blockOf(sync.sink.columns, [{ id: 2, b: 20 }], { seq: 1 }))
    await commit(lane, 2)
  }
  await expect(next()).rejects.toMatchObject({ code: 'destination_table_gone', retryable: true })
  expect(await db.query('SELECT id::int FROM things')).toEqual([])
})
