import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import type { SinkStream, SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  begin,
  blockOf,
  commit,
  finish,
  load,
  sinkStream,
  sync,
  withDestination,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'integer', u: 'integer' } as const

function streamOf(connection: string, mode: SyncMode): SinkStream {
  return sinkStream(columns, { connection, mode, key: ['id'] })
}

async function refusedFix(db: TestDatabase, sink: SinkStream): Promise<string> {
  const error: unknown = await begin(db, sink).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'destination_table_shared',
    details: { connection: 'one', stream: 'things' },
  })
  return error instanceof Error && 'suggestedFix' in error ? String(error.suggestedFix) : ''
}

test.each(
  usually(1, [
    ['overwrite', 'overwrite'],
    ['overwrite_dedup', 'append'],
    ['append', 'append_dedup'],
    ['append_dedup', 'append'],
  ] as const),
)(
  'a table that %s has loaded completely is not for another connection with %s',
  async (mine, other) => {
    await using db = await testDatabase()
    await sync(db, streamOf('one', mine), [{ id: 1 }])
    await refusedFix(db, streamOf('two', other))
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }])
  },
)

test('two connections append to one table', async () => {
  await using db = await testDatabase()
  await sync(db, streamOf('one', 'append'), [{ id: 1 }])
  await sync(db, streamOf('two', 'append'), [{ id: 1 }])
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }, { id: 1 }])
})

test('the statement that the error gives lets go of the table', async () => {
  await using db = await testDatabase()
  await sync(db, streamOf('one', 'overwrite'), [{ id: 1 }])
  const fix = await refusedFix(db, streamOf('two', 'overwrite'))
  expect(fix).toContain('`reactor connect connections reset one`')
  await db.query(/DELETE FROM [^`]+/.exec(fix)?.[0] ?? 'none')
  await sync(db, streamOf('two', 'overwrite'), [{ id: 2 }])
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
})

longTest(
  'a table that was dropped belongs to nobody, and then to the next one that makes it',
  async () => {
    await using db = await testDatabase()
    await sync(db, streamOf('one', 'append_dedup'), [{ id: 1 }])
    await db.query('DROP TABLE things')
    await sync(db, streamOf('two', 'append_dedup'), [{ id: 2 }])
    await sync(db, streamOf('two', 'append_dedup'), [{ id: 3 }])
    await expect(begin(db, streamOf('one', 'append_dedup'))).rejects.toMatchObject({
      code: 'destination_table_shared',
      details: { connection: 'two' },
    })
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 2 }, { id: 3 }])
  },
)

longTest(
  'a connection that is reset lets go of its tables, and does not get them back from the next one',
  async () => {
    await using db = await testDatabase()
    await sync(db, streamOf('one', 'overwrite'), [{ id: 1 }])
    await withDestination(db, (destination) => destination.forget('one', 'all'))
    await sync(db, streamOf('two', 'overwrite'), [{ id: 2 }])
    await expect(begin(db, streamOf('one', 'overwrite'))).rejects.toMatchObject({
      code: 'destination_table_shared',
      details: { connection: 'two' },
    })
  },
)

test('a default mode that would append since the key is gone is refused, a chosen one is warned of', async () => {
  await using db = await testDatabase()
  await sync(db, streamOf('one', 'append_dedup'), [{ id: 1 }])
  const appending = sinkStream(columns, { connection: 'one' })
  await expect(begin(db, { ...appending, isDefaultMode: true })).rejects.toMatchObject({
    code: 'destination_key_lost',
    message: expect.stringContaining('things') as unknown,
  })
  const { warnings } = await sync(db, appending, [])
  expect(warnings).toEqual([expect.stringContaining('The mode was append_dedup, and is append')])
  // It goes on as it is from here.
  expect(await sync(db, appending, [])).toMatchObject({ warnings: [] })
})

longTest(
  'a default mode that would replace rows that were kept is refused, a chosen one is not',
  async () => {
    await using db = await testDatabase()
    await sync(db, streamOf('one', 'append'), [{ id: 1 }, { id: 2 }])
    const overwrite = streamOf('one', 'overwrite')
    await expect(begin(db, { ...overwrite, isDefaultMode: true })).rejects.toMatchObject({
      code: 'destination_mode_changed',
      message: expect.stringContaining(
        'was loaded with append, and what its source offers now leads to overwrite',
      ) as unknown,
    })
    expect(await db.query('SELECT count(*)::int AS rows FROM things')).toEqual([{ rows: 2 }])
    // An empty table has nothing to lose.
    await db.query('TRUNCATE things')
    expect(await begin(db, { ...overwrite, isDefaultMode: true })).toMatchObject({ resumed: false })
    await sync(db, overwrite, [{ id: 3 }])
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
  },
)

longTest(
  'a key that a stream gets deletes versions of its rows only if the mode was chosen',
  async () => {
    await using db = await testDatabase()
    await sync(db, streamOf('one', 'append'), [{ id: 1 }, { id: 1 }, { id: 2 }])
    const merging = streamOf('one', 'append_dedup')
    await expect(begin(db, { ...merging, isDefaultMode: true })).rejects.toMatchObject({
      code: 'destination_mode_changed',
      details: { rows: '1 row of "public"."things" that have the key of a newer row' },
    })
    expect(await db.query('SELECT count(*)::int AS rows FROM things')).toEqual([{ rows: 3 }])
    const { warnings } = await sync(db, merging, [])
    expect(warnings).toEqual([expect.stringContaining('1 row of "public"."things" was deleted')])
  },
)

longTest('a stream whose table is another one now is warned of, each time', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(columns)
  const warned: (readonly string[])[] = []
  for (const schema of ['p1', 'p2', 'p2', 'p1']) {
    await using destination = await openPostgresDestination({ address: db.address, schema })
    const run = await destination.startRun(sink.connection)
    const { warnings, streamId } = await destination.begin(sink, run)
    await destination.endRun(sink.connection, { start: run, how: 'ended', reported: [streamId] })
    warned.push(warnings)
  }
  expect(warned).toEqual([
    [],
    [expect.stringMatching(/"p1"\."things" before.*from the beginning into "p2"\."things"/)],
    [],
    [expect.stringMatching(/"p2"\."things" before.*from the beginning into "p1"\."things"/)],
  ])
})

describe('a stream that appends from its beginning to a table that has rows', () => {
  const incremental = { syncMode: 'incremental', cursor: 'id' } as const

  async function loadInto(
    db: TestDatabase,
    schema: string,
    sink: SinkStream,
  ): Promise<readonly string[]> {
    const place = { address: db.address, schema }
    await using destination = await openPostgresDestination(place)
    const run = await destination.startRun(sink.connection)
    const begun = await destination.begin(sink, run)
    await using lane = await openPostgresLane(place, begun, 0)
    await lane.setColumns(sink.columns)
    await lane.write(blockOf(sink.columns, [{ id: 1, u: 1 }]))
    await commit(lane, 1)
    await destination.finish(begun)
    await destination.endRun(sink.connection, {
      start: run,
      how: 'ended',
      reported: [begun.streamId],
    })
    return begun.warnings
  }

  test('is refused where it comes back from another table, until that one is empty', async () => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, incremental)
    await loadInto(db, 'p1', sink)
    await loadInto(db, 'p2', sink)
    const thrown: unknown = await loadInto(db, 'p1', sink).catch((error: unknown) => error)
    const error = ConnectError.from(thrown)
    expect(error).toMatchObject({ code: 'destination_rows_repeated', retryable: false })
    expect(error.message).toContain('loaded into "p1"."things" before')
    expect(error.message).toContain('since then it was loaded into "p2"."things"')
    expect(await db.query('SELECT id::int FROM p1.things')).toEqual([{ id: 1 }])
    await db.query(/TRUNCATE [^`]+/.exec(error.suggestedFix)?.[0] ?? 'none')
    await loadInto(db, 'p1', sink)
    expect(await db.query('SELECT id::int FROM p1.things')).toEqual([{ id: 1 }])
    // The other table is one of before now.
    await expect(loadInto(db, 'p2', sink)).rejects.toMatchObject({
      code: 'destination_rows_repeated',
    })
  })

  test('is refused with the command of a reset, and warned of after it', async () => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, incremental)
    for (const schema of ['p1', 'p2']) await loadInto(db, schema, sink)
    await loadInto(db, 'p1', sinkStream(columns, { ...incremental, connection: 'two' }))
    const error: unknown = await loadInto(db, 'p1', sink).catch((thrown: unknown) => thrown)
    expect(ConnectError.from(error).suggestedFix).toContain(
      ' The table has the rows of other streams too (things of connection two): reset these as well',
    )
    expect(ConnectError.from(error).suggestedFix).toContain(
      'run `reactor connect reset FILE --streams things`, or in the service `reactor connect connections reset test --streams things`, and then',
    )
    for (const connection of ['test', 'two'])
      await withDestination(db, (destination) => destination.forget(connection, 'all'))
    expect(await loadInto(db, 'p1', sink)).toEqual([
      expect.stringMatching(/"p1"."things" holds rows of an earlier load.*twice.*TRUNCATE "p1"/),
    ])
    expect(await loadInto(db, 'p1', sink)).toEqual([])
  })

  longTest(
    'is warned of where the destination knows nothing of the rows, or another stream loaded them',
    async () => {
      await using db = await testDatabase()
      await loadInto(db, 'p1', sinkStream(columns, incremental))
      await db.query('DROP SCHEMA reactor_connect CASCADE')
      expect(await loadInto(db, 'p1', sinkStream(columns))).toEqual([
        expect.stringContaining('"p1"."things" holds rows of an earlier load'),
      ])
      expect(await loadInto(db, 'p1', sinkStream(columns, { connection: 'two' }))).toEqual([
        expect.stringMatching(/holds rows of other streams \(things of connection test\)/),
      ])
      // A full refresh that appends adds all rows each time.
      expect(await loadInto(db, 'p1', sinkStream(columns))).toEqual([])
    },
  )

  longTest(
    'is refused after an overwrite, which left no checkpoint, and warned of in a full refresh',
    async () => {
      await using db = await testDatabase()
      await loadInto(db, 'p1', sinkStream(columns, { mode: 'overwrite' }))
      const thrown: unknown = await loadInto(db, 'p1', sinkStream(columns, incremental)).catch(
        (error: unknown) => error,
      )
      const error = ConnectError.from(thrown)
      expect(error.code).toBe('destination_rows_repeated')
      expect(error.message).toContain('its mode was overwrite')
      expect(await db.query('SELECT id::int FROM p1.things')).toEqual([{ id: 1 }])
      expect(await loadInto(db, 'p1', sinkStream(columns))).toEqual([
        expect.stringContaining('The mode was overwrite, and is append'),
      ])
      expect(await db.query('SELECT id::int FROM p1.things')).toEqual([{ id: 1 }, { id: 1 }])
    },
  )

  longTest('is not warned of in another mode when the table has been emptied', async () => {
    await using db = await testDatabase()
    await loadInto(db, 'p1', sinkStream(columns, { mode: 'overwrite' }))
    await db.query('TRUNCATE p1.things')
    expect(await loadInto(db, 'p1', sinkStream(columns))).toEqual([])
    expect(await db.query('SELECT id::int FROM p1.things')).toEqual([{ id: 1 }])
  })

  longTest(
    'is refused where its states do not count any more, and warned of where all is to be added',
    async () => {
      await using db = await testDatabase()
      await loadInto(db, 'p1', sinkStream(columns, incremental))
      await expect(
        loadInto(db, 'p1', sinkStream(columns, { ...incremental, cursor: 'u' })),
      ).rejects.toMatchObject({ code: 'destination_rows_repeated' })
      expect(await loadInto(db, 'p1', sinkStream(columns))).toEqual([
        expect.stringContaining('holds rows of an earlier load'),
      ])
      await expect(loadInto(db, 'p1', sinkStream(columns, incremental))).rejects.toMatchObject({
        code: 'destination_rows_repeated',
      })
    },
  )
})

test.each(
  usually(1, [
    ['read in parts', 'incremental', 'id'],
    ['read whole', 'full_refresh', undefined],
  ] as const),
)(
  'a stream that appends goes on where it stopped when only its key is another one: %s',
  async (_, syncMode, cursor) => {
    await using db = await testDatabase()
    const by = (key: readonly string[]): SinkStream =>
      sinkStream(columns, { syncMode, key, ...(cursor && { cursor }) })
    const run = await withDestination(db, (destination) => destination.startRun('test', 'a'))
    const begun = await withDestination(db, (destination) => destination.begin(by(['id']), run))
    await load(db, begun, { records: [{ id: 1, u: 1 }], complete: false })
    const next = await begin(db, by(['u']), run.run)
    expect(next).toMatchObject({ resumed: true, slices: [{ seq: 1, state: { seq: 1 } }] })
    await load(db, next, { records: [{ id: 2, u: 1 }], seq: 1 })
    await finish(db, next)
    const last = await begin(db, by(['u', 'id']), run.run)
    expect(last.slices).toMatchObject([{ state: { seq: 2 } }])
    expect(last.doneInRun).toBe(cursor === undefined)
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  },
)

describe('what a begin warns of', () => {
  /** A start of a run that is killed, or ends, after it has begun the stream. */
  async function start(
    db: TestDatabase,
    sink: SinkStream,
    { key, end }: { readonly key?: string; readonly end: 'killed' | 'ended' },
  ): Promise<readonly string[]> {
    return withDestination(db, async (destination) => {
      const run = await destination.startRun('test', key)
      const { warnings, streamId } = await destination.begin(sink, run)
      if (end === 'ended')
        await destination.endRun('test', { start: run, how: 'ended', reported: [streamId] })
      return warnings
    })
  }
  const appended = sinkStream(columns, { key: ['id'] })
  const deleted = /^2 rows of "public"\."things" were deleted/
  const moded = /^The mode was append_dedup, and is append/

  test.each(
    usually(1, [
      ['runs without keys', undefined, undefined],
      ['attempts of one run', 'a', 'a'],
      ['runs of different keys', 'a', 'b'],
    ]),
  )('is told again after a kill, and once: %s', async (_, first, second) => {
    await using db = await testDatabase()
    for (let run = 0; run < 3; run++) await sync(db, appended, [{ id: 1, u: 1 }])
    const merged = sinkStream(columns, { mode: 'append_dedup', key: ['id'] })
    const killed = { ...(first !== undefined && { key: first }), end: 'killed' } as const
    expect(await start(db, merged, killed)).toEqual([expect.stringMatching(deleted)])
    const next = second === undefined ? {} : { key: second }
    expect(await start(db, appended, { ...next, end: 'ended' })).toEqual([
      expect.stringMatching(deleted),
      expect.stringMatching(moded),
    ])
    expect(await start(db, appended, { key: 'c', end: 'ended' })).toEqual([])
  })

  test('is told by the start that finds the stream completed', async () => {
    await using db = await testDatabase()
    await sync(db, streamOf('test', 'append_dedup'), [{ id: 1, u: 1 }])
    await withDestination(db, async (destination) => {
      const begun = await destination.begin(appended, await destination.startRun('test', 'a'))
      await load(db, begun, { records: [] })
      await destination.finish(begun)
      const again = await destination.begin(appended, await destination.startRun('test', 'a'))
      const warnings = [expect.stringMatching(moded)]
      expect(again).toMatchObject({ doneInRun: true, warnings })
    })
  })
})
