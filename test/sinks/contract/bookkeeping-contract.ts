import { expect } from 'vitest'
import { noCounts } from '../../../sinks/committed-counts.ts'
import { keptCounts } from '../loading.ts'
import {
  blockOf,
  commit,
  type Loading,
  rowsOf,
  runOnce,
  sorted,
  StepwiseRun,
  streamOf,
} from './contract-runs.ts'
import type { ContractCase } from './subject.ts'

const appended: Loading = { mode: 'append', syncMode: 'full_refresh' }
const incremental: Loading = { mode: 'append', syncMode: 'incremental' }

/** Runs, checkpoints, counts, notes, warnings and fences: the same for every destination. */
export function bookkeepingCases(): readonly ContractCase[] {
  return cases
}

const cases: readonly ContractCase[] = [
  {
    name: 'a stopped run is continued from its last commit, with its position in the log',
    check: async (place) => {
      const sink = streamOf(place, incremental)
      await using run = await StepwiseRun.open(place, sink)
      expect(await run.begin()).toMatchObject({
        syncId: 1,
        resumed: false,
        slices: [],
        positions: [],
      })
      await run.plan()
      await run.write(rowsOf(1, 9), 7)
      await run.commit(rowsOf(1, 9))
      await run.end('stopped')

      await using next = await StepwiseRun.open(place, sink)
      expect(next.start).toMatchObject({ run: run.start.run, start: run.start.start + 1 })
      const resumed = await next.begin()
      expect(resumed).toMatchObject({
        syncId: 1,
        resumed: true,
        isOlder: true,
        slices: [{ slice: '', partition: 0, state: { seq: 7 }, seq: 7, complete: false }],
        positions: [{ partition: 0, next: '7', columns: sink.columns }],
        untoldCounts: keptCounts(),
      })
      expect(resumed.attemptKeys).toHaveLength(2)
      expect(resumed.attemptKeys[0]).toBe(run.sync.attemptKeys[0])
      await next.destination.leaveLog(resumed)
      expect((await next.begin()).attemptKeys).toHaveLength(1)
    },
  },

  {
    name: 'an incremental stream goes on from its last states in the next sync',
    check: async (place) => {
      const sink = streamOf(place, incremental)
      await runOnce(place, sink, rowsOf(1, 7))
      await using run = await StepwiseRun.open(place, sink)
      expect(await run.begin()).toMatchObject({
        syncId: 2,
        resumed: false,
        slices: [{ slice: '', partition: 0, state: { seq: 7 }, seq: 0, complete: false }],
      })
    },
  },

  {
    name: 'a start under the key of a run continues it, also after its end; another key is another run',
    check: async (place) => {
      const { connection } = place
      await using destination = await place.open()
      await destination.check()
      const startOf = async (key?: string, ends = true): Promise<number> => {
        const start = await destination.startRun(connection, key)
        if (ends) await destination.endRun(connection, { start, how: 'ended', reported: [] })
        return start.run
      }
      expect(await startOf('a')).toBe(1)
      expect(await startOf('a')).toBe(1)
      expect(await startOf('b')).toBe(2)
      expect(await startOf()).toBe(3)
      expect(await startOf(undefined, false)).toBe(4)
      // One that was cancelled has not ended.
      expect(await startOf()).toBe(4)
      expect(await startOf('c', false)).toBe(5)
      expect(await startOf('d')).toBe(6)
    },
  },

  {
    name: 'a newer start is named to an older one, whose begin and end change nothing',
    check: async (place) => {
      const { connection } = place
      await using older = await StepwiseRun.open(place, streamOf(place, appended))
      await older.begin()
      await using newer = await StepwiseRun.open(place, streamOf(place, appended), 'run_7')
      expect(await older.destination.newerStart(connection, older.start)).toMatch(
        /run_7, which process \d+ on .* started at 20/,
      )
      expect(await newer.destination.newerStart(connection, newer.start)).toBeUndefined()
      await expect(older.begin()).rejects.toMatchObject({ code: 'fenced' })
      await older.end()
      await using third = await StepwiseRun.open(place, streamOf(place, appended), 'run_7')
      expect(third.start.run).toBe(newer.start.run)
    },
  },

  {
    name: 'nothing of a transaction that was rolled back is left, and its records are loaded again',
    check: async (place) => {
      const sink = streamOf(place, appended)
      await using run = await StepwiseRun.open(place, sink)
      await run.begin()
      await run.plan()
      const lane = await run.lane()
      const write = async (): Promise<void> => {
        await lane.write(blockOf(sink.columns, rowsOf(1, 3)))
        await lane.reject({ slice: '', seq: 3, reason: 'too large', key: '[7]' })
        await lane.flush()
      }
      await write()
      await lane.rollback()
      expect(await place.rows()).toEqual([])
      await write()
      const stats = await commit(lane, 4)
      expect(stats).toMatchObject({
        loaded: 3,
        rejected: 1,
        losses: [{ kind: 'rejected', subject: 'too large', key: '[7]' }],
      })
      expect(sorted(await place.rows())).toEqual(rowsOf(1, 3))
      expect(await place.rejections()).toEqual([{ slice: '', seq: 3, reason: 'too large' }])
    },
  },

  {
    name: 'records that no state covers, that come twice, or that leave a hole are not committed',
    check: async (place) => {
      const sink = streamOf(place, appended)
      const mismatch = { code: 'accounting_mismatch' }
      await using run = await StepwiseRun.open(place, sink)
      await run.begin()
      await run.destination.savePlan(run.sync, [
        { slice: '', partition: 0, state: null },
        { slice: 'b', partition: 1, state: null },
      ])
      {
        await using lane = await place.openLane(run.sync)
        await lane.write(blockOf(sink.columns, rowsOf(1, 2)))
        await expect(commit(lane, 1)).rejects.toMatchObject(mismatch)
      }
      expect(await place.rows()).toEqual([])
      {
        await using lane = await place.openLane(run.sync)
        const hole = lane.write(blockOf(sink.columns, rowsOf(1, 2), { seq: 1 }))
        await expect(hole).rejects.toMatchObject(mismatch)
      }
      {
        await using lane = await place.openLane(run.sync)
        await lane.write(blockOf(sink.columns, rowsOf(1, 2)))
        await commit(lane, 2)
      }
      // A slice of the plan is not complete.
      await expect(run.finish()).rejects.toMatchObject(mismatch)
    },
  },

  {
    name: 'two slices in two lanes are one sync',
    check: async (place) => {
      const sink = streamOf(place, appended)
      await using run = await StepwiseRun.open(place, sink)
      await run.begin()
      const slices = ['', 'b'].map((slice, partition) => ({ slice, partition, state: null }))
      await run.destination.savePlan(run.sync, slices)
      for (const { slice, partition } of slices) {
        await using lane = await place.openLane(run.sync, partition)
        const rows = rowsOf(partition * 10 + 1, partition * 10 + 5)
        await lane.write(blockOf(sink.columns, rows, { slice }))
        await lane.commit({
          partition,
          next: '5',
          slices: [{ slice, partition, state: { seq: 5 }, seq: 5, complete: true }],
        })
      }
      await run.finish()
      expect(sorted(await place.rows())).toEqual([...rowsOf(1, 5), ...rowsOf(11, 15)])
    },
  },

  {
    name: 'what killed starts committed, changed and warned of is reported until a run that reported it has ended',
    check: async (place) => {
      const sink = streamOf(place, incremental)
      await runOnce(place, sink, rowsOf(1, 2))
      await using killed = await StepwiseRun.open(place, sink)
      await killed.begin()
      await killed.plan()
      await killed.destination.noteWarning(killed.sync, 'look at this')
      await killed.write(rowsOf(1, 9), 4)
      await killed.commit(rowsOf(1, 9))

      const wider = { ...sink, columns: [...sink.columns, { name: 'x', kind: 'boolean' } as const] }
      await using second = await StepwiseRun.open(place, wider)
      const loaded = keptCounts({ loaded: 4 })
      expect(await second.destination.untold(wider, second.start)).toMatchObject({
        untoldCounts: loaded,
        warnings: ['look at this'],
      })
      const { begun } = await second.complete(rowsOf(1, 9))
      expect(begun).toMatchObject({
        resumed: true,
        untoldCounts: loaded,
        tableNotes: [{ kind: 'added', column: 'x', type: 'boolean' }],
        warnings: ['look at this'],
        positions: [{ next: '6', columns: sink.columns }],
      })

      const nothing = { untoldCounts: keptCounts(), tableNotes: [], warnings: [] }
      await using third = await StepwiseRun.open(place, wider)
      expect(await third.destination.untold(wider, third.start)).toEqual(nothing)
      expect(await third.begin()).toMatchObject(nothing)
    },
  },

  {
    name: 'a stream that is forgotten is read from the beginning, and its lanes are fenced',
    check: async (place) => {
      const sink = streamOf(place, incremental)
      await using run = await StepwiseRun.open(place, sink)
      await run.destination.forget('never_seen', 'all')
      await run.begin()
      await run.plan()
      await run.write(rowsOf(1, 9), 3)
      await run.commit(rowsOf(1, 9))
      await run.write(rowsOf(1, 9), 3)
      await run.destination.forget(place.connection, [run.sync.streamId])
      await expect(run.commit(rowsOf(1, 9))).rejects.toMatchObject({ code: 'fenced' })
      const again = await run.begin()
      expect(again).toMatchObject({ resumed: false, slices: [], syncId: 2 })
      // The rows are there, and no run has reported them.
      expect(again.untoldCounts).toEqual(keptCounts({ loaded: 3 }))
    },
  },

  {
    name: 'states that are changed are those that the next sync reads from, and lanes are fenced',
    check: async (place) => {
      await using run = await StepwiseRun.open(place, streamOf(place, incremental))
      await run.begin()
      await run.plan()
      await run.write(rowsOf(1, 9), 7)
      await run.commit(rowsOf(1, 9))
      await run.write(rowsOf(1, 9), 1)
      const { destination, sync } = run
      const ids = [sync.streamId]
      const failed = destination.changeStates(place.connection, ids, () => {
        throw new TypeError('not these')
      })
      await expect(failed).rejects.toThrow('not these')
      await destination.changeStates(place.connection, ids, ({ stream, mode, slices }) => {
        expect([stream, mode]).toEqual([sync.streamId, 'append'])
        expect(slices).toEqual([{ slice: '', state: { seq: 7 } }])
        return [{ slice: '', state: { seq: 3 } }]
      })
      await expect(run.commit(rowsOf(1, 9))).rejects.toMatchObject({ code: 'fenced' })
      const again = await run.begin()
      expect(again).toMatchObject({ slices: [{ state: { seq: 3 }, complete: false }] })
      expect(again.attemptKeys).toHaveLength(1)
    },
  },
  {
    name: 'the end of a sync that was not confirmed is the end of it',
    check: async (place) => {
      await using run = await StepwiseRun.open(place, streamOf(place, incremental))
      const sync = await run.begin()
      await run.plan()
      await run.write(rowsOf(1, 3))
      await run.commit(rowsOf(1, 3))
      await run.finish()
      expect(await run.begin({ unconfirmed: sync })).toMatchObject({ syncId: 1, doneInRun: true })
      expect(await run.begin()).toMatchObject({ syncId: 2, doneInRun: false })
    },
  },

  {
    name: 'columns that come and go are noted, and rows have what they were read with',
    check: async (place) => {
      const sink = streamOf(place, incremental)
      await runOnce(place, sink, rowsOf(1, 1))
      const columns = { id: 'integer', extra: 'string' } as const
      const other = streamOf(place, incremental, { columns })
      const { begun } = await runOnce(place, other, [
        { id: 1, extra: 'x' },
        { id: 2, extra: 'y' },
      ])
      expect(begun.tableNotes.map(({ kind, column }) => [kind, column])).toEqual([
        ['added', 'extra'],
        ['left', 'body'],
      ])
      const withoutNulls = (await place.rows()).map((row) =>
        Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)),
      )
      expect(sorted(withoutNulls)).toEqual([
        { id: 1, body: 'a' },
        { id: 2, extra: 'y' },
      ])
    },
  },

  {
    name: 'streams that are loaded are listed, and no others',
    check: async (place) => {
      await using destination = await place.open()
      await destination.check()
      expect(await destination.loadedStreams(place.connection)).toEqual([])
      const { begun } = await runOnce(place, streamOf(place, appended), rowsOf(1, 2))
      expect(await destination.loadedStreams(place.connection)).toMatchObject([
        { stream: begun.streamId, hasTable: true },
      ])
      const start = await destination.startRun(place.connection)
      const unknown = streamOf({ ...place, stream: 'unknown' }, appended)
      expect(await destination.untold(unknown, start)).toBeUndefined()
      expect(begun.untoldCounts).toEqual({ kept: noCounts, staged: noCounts, replaced: noCounts })
    },
  },
]
