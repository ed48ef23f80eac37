import { describe, expect, test } from 'vitest'
import type { Destination, RunStart, SinkStream, StreamSync } from '../../sinks/sink.ts'
import { testDatabase } from '../support/postgres.ts'
import { commit, load, openLane, sinkStream, withDestination } from './loading.ts'

const stream = sinkStream(
  { id: 'integer' },
  { mode: 'append_dedup', key: ['id'], syncMode: 'incremental', cursor: 'id' },
)

async function begun(
  destination: Destination,
  { sink = stream, key }: { readonly sink?: SinkStream; readonly key?: string } = {},
): Promise<{ readonly start: RunStart; readonly sync: StreamSync }> {
  const start = await destination.startRun('test', key)
  return { start, sync: await destination.begin(sink, start) }
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
      await destination.endRun('test', third.start)
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
      await destination.endRun('test', start)
      const again = await begun(destination, { key: 'run_1' })
      expect(again.sync.warnings).toEqual(['read are only some rows'])
      await destination.endRun('test', again.start)
      expect((await begun(destination, { key: 'run_2' })).sync.warnings).toEqual([])
    })
  })

  test('goes with the checkpoints that it speaks of', async () => {
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

  test('does not hold up a lane that loads, nor is it held up by one', async () => {
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

  test('is one of a hundred at most', async () => {
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

test.each(['overwrite', 'overwrite_dedup'] as const)(
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
      await destination.endRun('test', first.start)
      const killed = await begun(destination, { sink })
      await load(db, killed.sync, { records: [] })
      expect(await destination.finish(killed.sync)).toEqual([warning])
      const next = await begun(destination, { sink })
      expect(next.sync.warnings).toEqual([warning])
      await destination.endRun('test', next.start)
      expect((await begun(destination, { sink })).sync.warnings).toEqual([])
    })
  },
)
