import { describe, expect, test } from 'vitest'
import type { ColumnKind } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { load, sinkStream, sync, withDestination } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

test.each(usually(1, ['append', 'overwrite'] as const))(
  'a sync tells what happens to the columns of a table that was there, once: %s',
  async (mode) => {
    await using db = await testDatabase()
    const notesOf = async (columns: Readonly<Record<string, ColumnKind>>): Promise<unknown> =>
      (await sync(db, sinkStream(columns, { mode }), [])).tableNotes
    expect(await notesOf({ id: 'integer', a: 'integer', b: 'string' })).toEqual([])
    expect(await notesOf({ id: 'integer', a: 'string', c: 'date' })).toEqual([
      { kind: 'widened', column: 'a', type: 'text', was: 'bigint' },
      { kind: 'added', column: 'c', type: 'date', ...(mode === 'overwrite' && { replaced: true }) },
      { kind: 'left', column: 'b', type: 'text' },
    ])
    expect(await notesOf({ id: 'integer', a: 'string', c: 'date' })).toEqual([])
    expect(await notesOf({ id: 'integer', a: 'integer', c: 'date' })).toEqual([
      { kind: 'kept', column: 'a', type: 'text', source: 'bigint' },
    ])
    expect(await notesOf({ id: 'integer', a: 'integer', c: 'date' })).toEqual([])
  },
)

test.each(
  usually(1, [
    ['append', { again: true }],
    ['append_dedup', { again: true }],
    ['overwrite', { replaced: true }],
  ] as const),
)(
  'a column that was dropped from the table is told as added again where rows stay: %s',
  async (mode, more) => {
    await using db = await testDatabase()
    const stream = sinkStream(
      { id: 'integer', a: 'integer' },
      { mode, ...(mode === 'append_dedup' && { key: ['id'] }) },
    )
    await sync(db, stream, [])
    await db.query('ALTER TABLE public.things DROP COLUMN a')
    const { tableNotes } = await sync(db, stream, [])
    expect(tableNotes).toEqual([{ kind: 'added', column: 'a', type: 'bigint', ...more }])
    expect((await sync(db, stream, [])).tableNotes).toEqual([])
  },
)

test.each(usually(1, ['append', 'append_dedup', 'overwrite'] as const))(
  'a column that comes back is warned of, once, where rows stay: %s',
  async (mode) => {
    await using db = await testDatabase()
    const warningsOf = async (columns: Readonly<Record<string, ColumnKind>>): Promise<unknown> => {
      const stream = sinkStream(columns, { mode, ...(mode === 'append_dedup' && { key: ['id'] }) })
      return (await sync(db, stream, [])).warnings
    }
    const later = { id: 'integer', 'd"': 'integer', x: 'integer' } as const
    expect(await warningsOf({ id: 'integer', 'd"': 'integer' })).toEqual([])
    expect(await warningsOf({ id: 'integer' })).toEqual([])
    const back = 'The stream has column "d""", which it did not have in its last sync'
    expect(await warningsOf(later)).toEqual(
      mode === 'overwrite' ? [] : [expect.stringContaining(back)],
    )
    expect(await warningsOf(later)).toEqual([])
  },
)

test('a column that was limited is told with its limit', async () => {
  await using db = await testDatabase()
  const stream = sinkStream({ id: 'integer', a: 'string', n: 'number' })
  await sync(db, stream, [])
  await db.query('ALTER TABLE public.things ALTER a TYPE varchar(3), ALTER n TYPE numeric(6,2)')
  expect((await sync(db, stream, [])).tableNotes).toEqual([
    { kind: 'widened', column: 'a', type: 'text', was: 'character varying(3)' },
    { kind: 'widened', column: 'n', type: 'numeric', was: 'numeric(6,2)' },
  ])
})

describe('what happened to the columns of a table', () => {
  const before = { id: 'integer', a: 'integer', b: 'string' } as const
  const after = { id: 'integer', a: 'string', c: 'date' } as const
  const notes = [
    { kind: 'widened', column: 'a', type: 'text', was: 'bigint' },
    { kind: 'added', column: 'c', type: 'date' },
    { kind: 'left', column: 'b', type: 'text' },
  ]

  /** A start of a run that is killed, or ends, after it has begun the stream. */
  async function start(
    db: TestDatabase,
    columns: Readonly<Record<string, ColumnKind>>,
    { key, end }: { readonly key?: string; readonly end: 'killed' | 'ended' },
  ): Promise<readonly unknown[]> {
    return withDestination(db, async (destination) => {
      const run = await destination.startRun('test', key)
      const { tableNotes, streamId } = await destination.begin(sinkStream(columns), run)
      if (end === 'ended')
        await destination.endRun('test', { start: run, how: 'ended', reported: [streamId] })
      return tableNotes
    })
  }

  test.each(
    usually(1, [
      ['runs without keys', undefined, undefined],
      ['attempts of one run', 'a', 'a'],
      ['runs of different keys', 'a', 'b'],
    ]),
  )('is told after a kill, with what happened since, and once: %s', async (_, first, second) => {
    await using db = await testDatabase()
    await sync(db, sinkStream(before), [])
    const killed = { ...(first !== undefined && { key: first }), end: 'killed' } as const
    const next = second === undefined ? {} : { key: second }
    expect(await start(db, after, killed)).toEqual(notes)
    expect(await start(db, { ...after, d: 'time' }, { ...next, end: 'ended' })).toEqual([
      ...notes,
      { kind: 'added', column: 'd', type: 'time' },
    ])
    const last = second === undefined ? {} : { key: 'c' }
    expect(await start(db, { ...after, d: 'time' }, { ...last, end: 'ended' })).toEqual([])
  })

  longTest('is told again by a run that is started under the same key after its end', async () => {
    await using db = await testDatabase()
    await sync(db, sinkStream(before), [])
    expect(await start(db, after, { key: 'a', end: 'ended' })).toEqual(notes)
    expect(await start(db, after, { key: 'a', end: 'ended' })).toEqual(notes)
    expect(await start(db, after, { key: 'b', end: 'ended' })).toEqual([])
  })

  longTest('is told by the start that finds the stream completed', async () => {
    await using db = await testDatabase()
    await sync(db, sinkStream(before), [])
    await withDestination(db, async (destination) => {
      const run = await destination.startRun('test', 'a')
      const begun = await destination.begin(sinkStream(after), run)
      await load(db, begun, { records: [] })
      await destination.finish(begun)
      const again = await destination.begin(
        sinkStream(after),
        await destination.startRun('test', 'a'),
      )
      expect(again).toMatchObject({ doneInRun: true, tableNotes: notes })
    })
  })

  longTest('is forgotten with the table', async () => {
    await using db = await testDatabase()
    await sync(db, sinkStream(before), [])
    expect(await start(db, after, { end: 'killed' })).toEqual(notes)
    await db.query('DROP TABLE things')
    expect(await start(db, after, { end: 'killed' })).toEqual([])
  })
})
