import { expect, test } from 'vitest'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { testDatabase } from '../support/postgres.ts'
import { begin, finish, load, sinkStream, sync, withDestination } from './loading.ts'
import { noCounts } from '../../sinks/committed-counts.ts'
import { longTest } from '../support/long.ts'

const rows = 'SELECT id::int, _airbyte_generation_id::int AS generation FROM things ORDER BY id'

test('an overwrite shows the old rows until it is finished; views, grants and indexes survive', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
  await sync(db, sink, [{ id: 1 }, { id: 2 }])
  await db.query(
    `CREATE VIEW seen AS SELECT id FROM things; CREATE INDEX own ON things (id);
     DROP ROLE IF EXISTS reactor_reader; CREATE ROLE reactor_reader; GRANT SELECT ON things TO reactor_reader`,
  )
  const [before] = await db.query(`SELECT 'things'::regclass::oid AS oid`)
  const next = await begin(db, sink, 2)
  expect(next).toMatchObject({ syncId: 2, generationId: 2, resumed: false, slices: [] })
  await load(db, next, { records: [{ id: 3 }] })
  expect(await db.query(rows)).toEqual([
    { id: 1, generation: 1 },
    { id: 2, generation: 1 },
  ])
  await finish(db, next)
  expect(await db.query(rows)).toEqual([{ id: 3, generation: 2 }])
  expect(await db.query('SELECT id FROM seen')).toEqual([{ id: '3' }])
  expect((await db.query(`SELECT 'things'::regclass::oid AS oid`))[0]).toEqual(before)
  expect(
    await db.query(
      `SELECT has_table_privilege('reactor_reader', 'things', 'SELECT') AS granted, to_regclass('own') IS NOT NULL AS indexed`,
    ),
  ).toEqual([{ granted: true, indexed: true }])
  await db.query('REVOKE ALL ON things FROM reactor_reader; DROP ROLE reactor_reader')
  expect(await db.query(`SELECT relname FROM pg_class WHERE relname LIKE '%stage%'`)).toEqual([])
})

test('an overwrite is put in place while others read the table, also a transaction that stays open', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
  await sync(db, sink, [{ id: 1 }])
  await using reader = await DestinationSession.open({ address: db.address })
  await reader.transaction(async () => {
    await reader.rows('SELECT FROM public.things')
    await sync(db, sink, [{ id: 2 }])
  })
  expect(await db.query('SELECT id FROM things')).toEqual([{ id: '2' }])
})

longTest(
  'what another start read whole begins again, but for an attempt of the same run',
  async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const columns = { id: 'integer', v: 'integer' } as const
      const sinks = {
        overwrite: sinkStream(columns, { mode: 'overwrite', name: 'a' }),
        append_dedup: sinkStream(columns, { mode: 'append_dedup', key: ['id'], name: 'b' }),
        append: sinkStream(columns, { name: 'c' }),
        incremental: sinkStream(columns, { syncMode: 'incremental', cursor: 'v', name: 'd' }),
      }
      const beginAll = async (key?: string): Promise<Record<string, unknown>> => {
        const start = await destination.startRun('test', key)
        const begun: Record<string, unknown> = {}
        for (const [mode, sink] of Object.entries(sinks)) {
          const { resumed, isOlder, untoldCounts, slices } = await destination.begin(sink, start)
          const { kept, staged, replaced } = untoldCounts
          expect(replaced).toEqual(noCounts)
          const loaded = kept.loaded + staged.loaded
          begun[mode] = { resumed, isOlder, loaded, seq: slices[0]?.seq }
        }
        return begun
      }
      const loadAll = async (): Promise<void> => {
        for (const sink of Object.values(sinks))
          await load(db, await begin(db, sink, 1), { records: [{ id: 1, v: 1 }], complete: false })
      }
      const fresh = { resumed: false, isOlder: false, loaded: 0 }
      const older = { resumed: true, isOlder: true, loaded: 1, seq: 1 }

      await beginAll()
      await loadAll()
      expect(await beginAll()).toEqual({
        overwrite: { ...fresh, seq: undefined },
        // Its row is in the table, and no run has reported it.
        append_dedup: { ...fresh, loaded: 1, seq: undefined },
        append: older,
        incremental: older,
      })
      expect(await db.query('SELECT FROM a')).toEqual([])

      await destination.forget('test', 'all')
      await beginAll('attempts')
      await loadAll()
      const all = { overwrite: older, append_dedup: older, append: older, incremental: older }
      expect(await beginAll('attempts')).toEqual(all)
      // Another run counts for itself.
      expect(await beginAll('another')).toMatchObject({ incremental: { resumed: true, loaded: 0 } })
    })
  },
)

longTest('a left-over stage is merged when the stream is no longer overwritten', async () => {
  await using db = await testDatabase()
  const columns = { id: 'integer', v: 'integer' } as const
  const overwriting = sinkStream(columns, {
    mode: 'overwrite',
    syncMode: 'incremental',
    cursor: 'v',
  })
  const appending = sinkStream(columns, { mode: 'append', syncMode: 'incremental', cursor: 'v' })
  await sync(db, overwriting, [{ id: 1, v: 1 }])
  await load(db, await begin(db, overwriting, 2), { records: [{ id: 2, v: 2 }], complete: false })
  const next = await begin(db, appending, 2)
  expect(next).toMatchObject({ resumed: false, syncId: 3, slices: [{ state: { seq: 1 }, seq: 0 }] })
  expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  expect(await db.query(`SELECT relname FROM pg_class WHERE relname LIKE '%stage%'`)).toEqual([])
})

longTest(
  'a left-over stage is merged by key when the stream is deduplicated from now on',
  async () => {
    await using db = await testDatabase()
    const columns = { id: 'integer', v: 'integer', big: 'string' } as const
    const overwriting = sinkStream(columns, { mode: 'overwrite' })
    await sync(db, overwriting, [{ id: 1, v: 1, big: 'a' }])
    await load(db, await begin(db, overwriting, 2), {
      records: [
        { id: 1, v: 2, big: 'b' },
        { id: 2, v: 2, big: 'c' },
        { id: 2, v: 1, big: 'd' },
      ],
      complete: false,
    })
    await begin(db, sinkStream(columns, { mode: 'append_dedup', key: ['id'], cursor: 'v' }), 2)
    expect(await db.query('SELECT id::int, v::int, big FROM things ORDER BY id')).toEqual([
      { id: 1, v: 2, big: 'b' },
      { id: 2, v: 2, big: 'c' },
    ])
  },
)

longTest('a new column comes to table and stage while an overwrite is interrupted', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
  await load(db, await begin(db, sink), { records: [{ id: 1 }], complete: false })
  const wider = sinkStream({ id: 'number', extra: 'string' }, { mode: 'overwrite' })
  const again = await begin(db, wider)
  const logged = [{ name: 'id', kind: 'integer' }]
  expect(again).toMatchObject({ resumed: true, positions: [{ columns: logged }] })
  await load(db, again, { records: [{ id: 2.5, extra: 'x' }], seq: 1 })
  await finish(db, again)
  expect(await db.query('SELECT id, extra FROM things ORDER BY id')).toEqual([
    { id: '1', extra: null },
    { id: '2.5', extra: 'x' },
  ])
})

longTest('an overwrite with minimal metadata brings its notes along', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ text: 'string' }, { mode: 'overwrite', metadata: 'minimal' })
  await sync(db, sink, [{ text: 'a' }])
  await sync(db, sink, [{ text: 'b' }, { text: 'nul\0' }])
  expect(
    await db.query('SELECT text, _airbyte_meta IS NULL AS plain FROM things ORDER BY text'),
  ).toEqual([
    { text: 'b', plain: true },
    { text: 'nul', plain: false },
  ])
})

test('an overwrite whose records were all rejected keeps its rows, and the next one begins anew', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer', v: 'string' }, { mode: 'overwrite_dedup', key: ['id'] })
  await sync(db, sink, [{ id: 1, v: 'a' }])
  await expect(sync(db, sink, [{ v: 'b' }, { v: 'c' }])).rejects.toMatchObject({
    code: 'records_all_rejected',
    details: { stream: 'things', rejected: 2, table: '"public"."things"' },
  })
  expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'a' }])
  await sync(db, sink, [{ v: 'd' }, { id: 2, v: 'e' }])
  expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 2, v: 'e' }])
})
