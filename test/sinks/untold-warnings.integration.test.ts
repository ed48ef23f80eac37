import { describe, expect, test } from 'vitest'
import type { Destination, RunStart, SinkStream, StreamSync } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { commit, keptCounts, load, openLane, sinkStream, withDestination } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const stream = sinkStream(
  { id: 'integer' },
  { mode: 'append_dedup', key: ['id'], syncMode: 'incremental', cursor: 'id' },
)

interface Begun {
  readonly start: RunStart
  readonly sync: StreamSync
}

async function begun(
  destination: Destination,
  { sink = stream, key }: { readonly sink?: SinkStream; readonly key?: string } = {},
): Promise<Begun> {
  const start = await destination.startRun('test', key)
  return { start, sync: await destination.begin(sink, start) }
}

/** The run of one stream ends. */
async function end(destination: Destination, { start, sync }: Begun): Promise<void> {
  await destination.endRun('test', { start, how: 'ended', reported: [sync.streamId] })
}

const other = sinkStream({ id: 'integer' }, { name: 'others' })
const readWarning = 'read are only some rows'
const counts = keptCounts({ loaded: 1 })
const none = keptCounts()

/** A start that is killed after it has loaded a row and noted a warning. */
async function startAndKill(
  db: TestDatabase,
  destination: Destination,
  key?: string,
): Promise<Begun> {
  const start = await begun(destination, { ...(key !== undefined && { key }) })
  await load(db, start.sync, { records: [{ id: 1 }], complete: false })
  await destination.noteWarning(start.sync, readWarning)
  return start
}

describe('a warning of the source', () => {
  test('is told by every start until a run has ended, once', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const first = await begun(destination)
      await load(db, first.sync, { records: [{ id: 1 }], complete: false })
      await destination.noteWarning(first.sync, 'read are only some rows')
      await destination.noteWarning(first.sync, 'read are only some rows')
      const second = await begun(destination)
      expect(second.sync.warnings).toEqual(['read are only some rows'])
      await destination.noteWarning(second.sync, 'read are only some rows')
      await destination.noteWarning(second.sync, 'one more')
      const third = await begun(destination)
      expect(third.sync.warnings).toEqual(['read are only some rows', 'one more'])
      await end(destination, third)
      expect((await begun(destination)).sync.warnings).toEqual([])
    })
  })

  test('is told again under the same key, and not to the run of another key', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const { start, sync } = await begun(destination, { key: 'run_1' })
      await destination.noteWarning(sync, 'read are only some rows')
      await load(db, sync, { records: [{ id: 1 }] })
      await destination.finish(sync)
      await end(destination, { start, sync })
      const again = await begun(destination, { key: 'run_1' })
      expect(again.sync.warnings).toEqual(['read are only some rows'])
      await end(destination, again)
      expect((await begun(destination, { key: 'run_2' })).sync.warnings).toEqual([])
    })
  })

  test.each(
    usually(1, [
      ['runs without keys', [undefined, undefined, undefined, undefined], counts],
      // Their starter counts what is killed.
      ['runs with keys', ['run_1', 'run_1', 'run_2', 'run_3'], none],
    ]),
  )(
    'is kept when a run ends without the stream, as are counts: %s',
    async (_, keys, untoldCounts) => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        await startAndKill(db, destination, keys[0])
        const beginNext = (index: number, sink = stream): Promise<Begun> => {
          const key = keys[index]
          return begun(destination, { sink, ...(key !== undefined && { key }) })
        }
        await end(destination, await beginNext(1, other))
        const third = await beginNext(2)
        expect(third.sync).toMatchObject({ warnings: [readWarning], untoldCounts })
        await end(destination, third)
        const { sync } = await beginNext(3)
        expect(sync).toMatchObject({ warnings: [], untoldCounts: none })
      })
    },
  )

  longTest(
    'is told, with what was loaded, by a run that cannot begin the stream, and by no other',
    async () => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        const { start: first, sync } = await startAndKill(db, destination)
        expect(await destination.untold(other, first)).toBeUndefined()
        await db.query('CREATE TABLE child () INHERITS (things)')
        const start = await destination.startRun('test')
        await expect(destination.begin(stream, start)).rejects.toMatchObject({
          code: 'destination_table_inherited',
        })
        const earlier = { warnings: [readWarning], untoldCounts: counts, tableNotes: [] }
        expect(await destination.untold(stream, start)).toEqual(earlier)
        await destination.endRun('test', { start, how: 'ended', reported: [sync.streamId] })
        await db.query('DROP TABLE child')
        const next = await begun(destination)
        expect(next.sync).toMatchObject({ resumed: true, warnings: [], untoldCounts: none })
      })
    },
  )

  longTest(
    'was told by a run whose starter knows that an earlier start completed the stream',
    async () => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        const first = await startAndKill(db, destination, 'run_1')
        const completed = [first.sync.streamId]
        const endWithout = async (key: string): Promise<void> => {
          const { start, sync } = await begun(destination, { sink: other, key })
          await destination.endRun('test', {
            start,
            how: 'ended',
            reported: [sync.streamId],
            completed,
          })
        }
        // The bookkeeping knows that it did not.
        await endWithout('run_1')
        const second = await begun(destination, { key: 'run_2' })
        expect(second.sync.warnings).toEqual([readWarning])
        await load(db, second.sync, { records: [{ id: 2 }], seq: 1 })
        await destination.finish(second.sync)
        await endWithout('run_2')
        const { sync } = await begun(destination, { key: 'run_3' })
        expect(sync).toMatchObject({ warnings: [], untoldCounts: none })
      })
    },
  )

  longTest(
    'leaves what a run with a key loaded to its starter, which has counted it, where that run did not end',
    async () => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        await startAndKill(db, destination, 'run_1')
        const { sync } = await begun(destination, { key: 'run_2' })
        expect(sync).toMatchObject({ warnings: [readWarning], untoldCounts: none })
      })
    },
  )

  longTest('goes with the checkpoints that it speaks of', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const { sync } = await begun(destination)
      await load(db, sync, { records: [{ id: 1 }], complete: false })
      await destination.noteWarning(sync, 'read are only some rows')
      await destination.forget('test', 'all')
      expect((await begun(destination)).sync.warnings).toEqual([])
    })
  })

  test('is refused when a newer start has the stream, so that its reader gives no state to the log', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const { sync } = await begun(destination)
      await begun(destination)
      const noted = destination.noteWarning(sync, 'read are only some rows')
      await expect(noted).rejects.toMatchObject({ code: 'fenced' })
    })
  })

  longTest('does not hold up a lane that loads, nor is it held up by one', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const { sync } = await begun(destination)
      await using lane = await openLane(db, sync)
      await lane.reject({ slice: '', seq: 0, reason: 'bad' })
      await lane.flush()
      await destination.noteWarning(sync, 'read are only some rows')
      await commit(lane, 1)
    })
  })

  longTest('is one of a hundred at most', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const { sync } = await begun(destination)
      await db.query(
        `UPDATE reactor_connect.streams SET table_warnings = ARRAY(SELECT n::text FROM generate_series(1, 99) n)`,
      )
      await destination.noteWarning(sync, 'the last')
      await destination.noteWarning(sync, 'too many')
      const rows = await db.query(
        'SELECT cardinality(table_warnings) AS all, table_warnings[100] AS last FROM reactor_connect.streams',
      )
      expect(rows).toEqual([{ all: 100, last: 'the last' }])
    })
  })
})

test.each(usually(1, ['overwrite', 'overwrite_dedup'] as const))(
  'an %s that emptied the table is told by the next start if the run was killed before its end',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer' }, { mode, key: ['id'] })
    const warning =
      'The source had no record of the stream, so all rows of "public"."things" were deleted: 2.'
    await withDestination(db, async (destination) => {
      const first = await begun(destination, { sink })
      await load(db, first.sync, { records: [{ id: 1 }, { id: 2 }] })
      expect(await destination.finish(first.sync)).toEqual([])
      await end(destination, first)
      const killed = await begun(destination, { sink })
      await load(db, killed.sync, { records: [] })
      expect(await destination.finish(killed.sync)).toEqual([warning])
      const next = await begun(destination, { sink })
      expect(next.sync.warnings).toEqual([warning])
      await end(destination, next)
      expect((await begun(destination, { sink })).sync.warnings).toEqual([])
    })
  },
)
