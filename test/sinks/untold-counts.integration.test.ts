import { describe, expect, test } from 'vitest'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import type { CommittedCounts, Destination, SinkStream, StreamSync } from '../../sinks/sink.ts'
import { bookkeepingBefore } from '../support/old-bookkeeping.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  blockOf,
  commit,
  keptCounts,
  sinkStream,
  withDestination,
  type StreamOptions,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'integer', doc: 'json' } as const
const full = (options: StreamOptions): SinkStream =>
  sinkStream(columns, { key: ['id'], ...options })
const incremental = (options: StreamOptions): SinkStream =>
  full({ ...options, syncMode: 'incremental', cursor: 'id' })
const other = sinkStream({ id: 'integer' }, { name: 'others' })

/**
 * The counts of a start that is killed: three rows, one of them with a cut value, and a record that was left
 * out.
 */
const ofStart = { loaded: 3, rejected: 1, nulled: 0, cut: 1 }
const said = 'the source left out some rows'

interface KillOptions {
  /** The stream was finished before the kill. */
  readonly isFinished: boolean
  readonly firstId?: number
  /** The schema of the table. */
  readonly schema?: string
}

/** Loads a start's part into the sync; nobody ends its run. */
async function loadAndKill(
  db: TestDatabase,
  destination: Destination,
  sync: StreamSync,
  { isFinished, firstId = 1, schema = 'public' }: KillOptions,
): Promise<void> {
  const seq = sync.slices[0]?.seq ?? 0
  {
    await using lane = await openPostgresLane({ address: db.address, schema }, sync, 0)
    await lane.setColumns(sync.sink.columns)
    const docs = ['x\0y', 'b', 'c'].map((doc, index) => ({ id: firstId + index, doc }))
    await lane.write(blockOf(sync.sink.columns, docs, { seq }))
    await lane.reject({ slice: '', seq: seq + 3, reason: 'bad' })
    await commit(lane, seq + 4, { complete: isFinished })
  }
  await destination.noteWarning(sync, said)
  if (isFinished) await destination.finish(sync)
}

async function begin(destination: Destination, sink: SinkStream): Promise<StreamSync> {
  return destination.begin(sink, await destination.startRun('test'))
}

/** The next start of the connection begins the stream and reports the stored counts. */
async function endRun(destination: Destination, sink: SinkStream): Promise<void> {
  const start = await destination.startRun('test')
  const { streamId } = await destination.begin(sink, start)
  await destination.endRun('test', { start, how: 'ended', reported: [streamId] })
}

const kept = (counts: Partial<CommittedCounts>): StreamSync['untoldCounts'] => keptCounts(counts)
const replaced = (counts: CommittedCounts): StreamSync['untoldCounts'] => ({
  ...keptCounts(),
  replaced: counts,
})

const modes = [
  ['full refresh, append', full({ mode: 'append' }), kept(ofStart), kept(ofStart)],
  ['full refresh, append_dedup', full({ mode: 'append_dedup' }), kept(ofStart), kept(ofStart)],
  // Its stage is begun again.
  ['overwrite', full({ mode: 'overwrite' }), kept({}), replaced(ofStart)],
  ['overwrite_dedup', full({ mode: 'overwrite_dedup' }), kept({}), replaced(ofStart)],
  ['incremental, append', incremental({ mode: 'append' }), kept(ofStart), kept(ofStart)],
  [
    'incremental, append_dedup',
    incremental({ mode: 'append_dedup' }),
    kept(ofStart),
    kept(ofStart),
  ],
] as const

const cases = modes.flatMap(([name, sink, before, after]) => [
  { name, sink, moment: 'before the stream was complete', isFinished: false, untold: before },
  { name, sink, moment: 'after the stream was complete', isFinished: true, untold: after },
])

describe('what a start that was killed has loaded, left out and warned of', () => {
  test.each(usually(2, cases))('is told by the next run: $name, $moment', async (option) => {
    await using db = await testDatabase()
    const { sink, isFinished, untold } = option
    await withDestination(db, async (destination) => {
      await loadAndKill(db, destination, await begin(destination, sink), { isFinished })
      const next = await begin(destination, sink)
      expect(next).toMatchObject({ untoldCounts: untold, warnings: [said] })
      await endRun(destination, sink)
      expect(await begin(destination, sink)).toMatchObject({ untoldCounts: kept({}), warnings: [] })
    })
  })

  test.each(usually(1, cases))(
    'waits for a run that has the stream, and adds up: $name, $moment',
    async ({ sink, isFinished, untold }) => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        await loadAndKill(db, destination, await begin(destination, sink), { isFinished })
        await endRun(destination, other)
        const next = await begin(destination, sink)
        expect(next.untoldCounts).toEqual(untold)
        expect(next.warnings).toContain(said)
        // Killed as well.
        await loadAndKill(db, destination, next, { isFinished: true, firstId: 11 })
        await endRun(destination, other)
        const rows = Number((await db.query('SELECT count(*)::int AS n FROM things'))[0]?.n)
        const last = await begin(destination, sink)
        const sum = isOverwrite(sink) ? replaced(ofStart) : kept(twice(ofStart))
        expect(last.untoldCounts).toEqual(sum)
        expect(rows).toBe(sum.kept.loaded + sum.replaced.loaded)
        await endRun(destination, sink)
        const { untoldCounts, warnings } = await begin(destination, sink)
        expect(untoldCounts).toEqual(kept({}))
        expect(warnings).not.toContain(said)
      })
    },
  )

  test.each(usually(1, cases))(
    'is not told again if the start was stopped and told it: $name, $moment',
    async ({ sink, isFinished }) => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        const start = await destination.startRun('test')
        const sync = await destination.begin(sink, start)
        await loadAndKill(db, destination, sync, { isFinished })
        await destination.endRun('test', { start, how: 'stopped', reported: [sync.streamId] })
        const { run } = await destination.startRun('test')
        expect(run).toBe(start.run)
        const next = await begin(destination, sink)
        const isAppended = sink.mode === 'append' && sink.stream.sync_mode === 'full_refresh'
        expect(next).toMatchObject({ warnings: [], doneInRun: isFinished && isAppended })
        // The rows in the stage of an overwrite were reported as not loaded; the overwrite is begun again.
        expect(next.untoldCounts).toEqual(kept({}))
        if (!next.doneInRun) {
          await loadAndKill(db, destination, next, { isFinished: true, firstId: 11 })
          const last = await begin(destination, sink)
          expect(last.untoldCounts).toEqual(isOverwrite(sink) ? replaced(ofStart) : kept(ofStart))
        }
      })
    },
  )

  test('is told again if a newer start has the connection when the stopped one is told', async () => {
    await using db = await testDatabase()
    const sink = incremental({ mode: 'append' })
    await withDestination(db, async (destination) => {
      const start = await destination.startRun('test')
      const sync = await destination.begin(sink, start)
      await loadAndKill(db, destination, sync, { isFinished: false })
      await destination.startRun('test')
      await destination.endRun('test', { start, how: 'stopped', reported: [sync.streamId] })
      expect(await begin(destination, sink)).toMatchObject({
        untoldCounts: kept(ofStart),
        warnings: [said],
      })
    })
  })

  longTest(
    'is told by a merge of the stage of a stopped overwrite, as far as it is loaded by that',
    async () => {
      await using db = await testDatabase()
      const sink = full({ mode: 'overwrite_dedup' })
      await withDestination(db, async (destination) => {
        const start = await destination.startRun('test')
        const sync = await destination.begin(sink, start)
        await loadAndKill(db, destination, sync, { isFinished: false })
        await destination.endRun('test', { start, how: 'stopped', reported: [sync.streamId] })
        const merged = await begin(destination, full({ mode: 'append_dedup' }))
        expect(merged.untoldCounts).toEqual(kept({ loaded: 3 }))
        expect(await db.query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 3 }])
      })
    },
  )

  test.each(usually(1, cases))(
    'is told by a run that cannot begin the stream: $name, $moment',
    async ({ sink, isFinished }) => {
      await using db = await testDatabase()
      await withDestination(db, async (destination) => {
        await loadAndKill(db, destination, await begin(destination, sink), { isFinished })
        const start = await destination.startRun('test')
        const untold = await destination.untold(sink, start)
        const isStaged = isOverwrite(sink) && !isFinished
        expect(untold).toMatchObject({
          untoldCounts: isStaged ? { ...kept({}), staged: ofStart } : kept(ofStart),
          warnings: [said],
        })
      })
    },
  )

  test('survives a reset of the stream, as its rows do', async () => {
    await using db = await testDatabase()
    const sink = full({ mode: 'append_dedup' })
    await withDestination(db, async (destination) => {
      await loadAndKill(db, destination, await begin(destination, sink), { isFinished: true })
      await destination.forget('test', 'all')
      await destination.forget('test', 'all')
      const next = await begin(destination, sink)
      expect(next.untoldCounts).toEqual(kept(ofStart))
      await endRun(destination, sink)
      await destination.forget('test', 'all')
      expect((await begin(destination, sink)).untoldCounts).toEqual(kept({}))
    })
  })

  test('goes with the stage of an overwrite that is reset', async () => {
    await using db = await testDatabase()
    const sink = full({ mode: 'overwrite' })
    await withDestination(db, async (destination) => {
      await loadAndKill(db, destination, await begin(destination, sink), { isFinished: false })
      await destination.forget('test', 'all')
      expect((await begin(destination, sink)).untoldCounts).toEqual(kept({}))
    })
  })

  longTest('is in the table when another mode merges the stage', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const overwrite = full({ mode: 'overwrite' })
      await loadAndKill(db, destination, await begin(destination, overwrite), { isFinished: false })
      const next = await begin(destination, full({ mode: 'append_dedup' }))
      expect(next.untoldCounts).toEqual(kept(ofStart))
      expect(await db.query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 3 }])
    })
  })

  longTest('is loaded when another mode merges the stage of an overwrite that failed', async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const start = await destination.startRun('test')
      const failed = await destination.begin(full({ mode: 'overwrite' }), start)
      await loadAndKill(db, destination, failed, { isFinished: false })
      // The counts of omitted and changed records are reported; so is the fact that it loaded nothing.
      await destination.endRun('test', { start, how: 'ended', reported: [failed.streamId] })
      const next = await begin(destination, full({ mode: 'append_dedup' }))
      expect(next.untoldCounts).toEqual(kept({ loaded: 3 }))
      expect(await db.query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 3 }])
    })
  })

  longTest('stays in the table that an overwrite of another one leaves alone', async () => {
    await using db = await testDatabase()
    const sink = full({ mode: 'overwrite' })
    await withDestination(db, async (destination) => {
      await loadAndKill(db, destination, await begin(destination, sink), { isFinished: true })
    })
    await using elsewhere = await openPostgresDestination({
      address: db.address,
      schema: 'elsewhere',
    })
    const moved = await begin(elsewhere, sink)
    expect(moved.untoldCounts).toEqual(kept(ofStart))
    await loadAndKill(db, elsewhere, moved, { isFinished: true, firstId: 11, schema: 'elsewhere' })
    const next = await begin(elsewhere, sink)
    expect(next.untoldCounts).toEqual({ ...kept(ofStart), replaced: ofStart })
    await loadAndKill(db, elsewhere, next, { isFinished: true, firstId: 21, schema: 'elsewhere' })
    const last = await begin(elsewhere, sink)
    expect(last.untoldCounts).toEqual({ ...kept(ofStart), replaced: ofStart })
  })

  longTest('is told after the bookkeeping was that of an older version', async () => {
    await using db = await testDatabase()
    const sink = full({ mode: 'append_dedup' })
    await withDestination(db, async (destination) => {
      await loadAndKill(db, destination, await begin(destination, sink), { isFinished: true })
    })
    await db.query(bookkeepingBefore(14))
    await withDestination(db, async (destination) => {
      const next = await begin(destination, sink)
      expect(next).toMatchObject({ untoldCounts: kept(ofStart), warnings: [said] })
    })
  })
})

function isOverwrite({ mode }: SinkStream): boolean {
  return mode === 'overwrite' || mode === 'overwrite_dedup'
}

function twice({ loaded, rejected, nulled, cut }: CommittedCounts): CommittedCounts {
  return { loaded: 2 * loaded, rejected: 2 * rejected, nulled: 2 * nulled, cut: 2 * cut }
}
