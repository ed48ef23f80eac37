import { expect } from 'vitest'
import {
  blockOf,
  commit,
  type Loading,
  loadings,
  rowsOf,
  runOnce,
  sorted,
  StepwiseRun,
  streamOf,
} from './contract-runs.ts'
import type { ContractCase, DestinationSubject, Place } from './subject.ts'

const appended: Loading = { mode: 'append', syncMode: 'full_refresh' }
const overwrites: readonly Loading[] = loadings.filter(({ mode }) => mode.startsWith('overwrite'))

const first = rowsOf(1, 30)
const second = rowsOf(11, 40, 'b')
const after = {
  append: [...first, ...second],
  append_dedup: [...rowsOf(1, 10), ...second],
  overwrite: second,
  overwrite_dedup: second,
}
const merged: Loading = { mode: 'append_dedup', syncMode: 'full_refresh' }
const dedups: readonly Loading[] = [merged, { mode: 'overwrite_dedup', syncMode: 'full_refresh' }]

export function modeCases(subject: DestinationSubject): readonly ContractCase[] {
  const { modes, overwriteShows } = subject
  const each = (
    all: readonly Loading[],
    name: string,
    check: (place: Place, loading: Loading) => Promise<void>,
  ): readonly ContractCase[] =>
    all
      .filter(({ mode }) => modes.includes(mode))
      .map((loading) => ({
        name: `${name}: ${loading.mode}`,
        check: (place) => check(place, loading),
      }))
  return [
    ...each([appended, merged, ...overwrites], 'a second sync leaves what its mode says', checkTwo),
    ...each(dedups, 'the newest version of a row by the cursor stays', checkVersions),
    ...each([merged], 'a row that the source marks as deleted goes', checkDelete),
    ...each([merged], 'a record without its key is rejected', checkMissingKey),
    ...each(overwrites, 'an overwrite by no record says how many rows it deletes', checkEmptied),
    ...each(
      overwrites,
      'an overwrite whose records were all rejected keeps the rows, and the next one begins again',
      checkAllRejected,
    ),
    ...each(
      overwrites,
      `the rows of before stay until an overwrite is finished, and its own are seen ${overwriteShows}`,
      (place, loading) => checkExchange(place, loading, overwriteShows),
    ),
    ...loadings
      .filter(({ mode }) => !modes.includes(mode))
      .map((loading) => ({
        name: `a mode that the destination does not have is refused: ${loading.mode}`,
        check: (place: Place) => checkRefused(place, loading),
      })),
  ]
}

async function checkTwo(place: Place, loading: Loading): Promise<void> {
  const sink = streamOf(place, loading)
  const { begun: before } = await runOnce(place, sink, first)
  expect(sorted(await place.rows())).toEqual(first)
  const { begun } = await runOnce(place, sink, second)
  expect(sorted(await place.rows())).toEqual(sorted(after[loading.mode]))
  const generations = loading.mode.startsWith('overwrite') ? [1, 2] : [0, 0]
  expect([before.generationId, begun.generationId]).toEqual(generations)
  expect(begun).toMatchObject({ syncId: before.syncId + 1, resumed: false, doneInRun: false })
  expect(begun.epoch).toBeGreaterThan(before.epoch)
  expect(begun.startedAtMs).toBeGreaterThanOrEqual(before.startedAtMs)
}

async function checkVersions(place: Place, loading: Loading): Promise<void> {
  const columns = { id: 'integer', v: 'integer' } as const
  const sink = streamOf(place, loading, { cursor: 'v', columns })
  await runOnce(place, sink, [
    { id: 1, v: 1 },
    { id: 2, v: 1 },
    { id: 1, v: 2 },
  ])
  const newest = { id: 1, v: 2 }
  expect(sorted(await place.rows())).toEqual([newest, { id: 2, v: 1 }])
  await runOnce(place, sink, [{ id: 2, v: 3 }])
  const stays = loading.mode === 'append_dedup' ? [newest] : []
  expect(sorted(await place.rows())).toEqual([...stays, { id: 2, v: 3 }])
}

async function checkDelete(place: Place, loading: Loading): Promise<void> {
  const columns = { id: 'integer', _ab_cdc_deleted_at: 'string' } as const
  const sink = streamOf(place, loading, { columns })
  await runOnce(place, sink, [{ id: 1 }, { id: 2 }])
  await runOnce(place, sink, [{ id: 1, _ab_cdc_deleted_at: '2026-01-01' }])
  expect(await place.rows()).toMatchObject([{ id: 2 }])
}

async function checkMissingKey(place: Place, loading: Loading): Promise<void> {
  const sink = streamOf(place, loading)
  await using run = await StepwiseRun.open(place, sink)
  await run.begin()
  await run.plan()
  const lane = await run.lane()
  await lane.write(blockOf(sink.columns, [{ id: 1, body: 'a' }, { body: 'no key' }]))
  const stats = await commit(lane, 2)
  expect(stats).toMatchObject({ loaded: 1, rejected: 1, losses: [{ kind: 'rejected' }] })
  await run.finish()
  expect(await place.rows()).toEqual([{ id: 1, body: 'a' }])
  expect(await place.rejections()).toMatchObject([{ slice: '', seq: 1 }])
}

async function checkEmptied(place: Place, loading: Loading): Promise<void> {
  const sink = streamOf(place, loading)
  await runOnce(place, sink, rowsOf(1, 5))
  const { warnings } = await runOnce(place, sink, [])
  expect(warnings).toEqual([
    expect.stringMatching(
      /^The source had no record of the stream, so all rows of .* were deleted: 5\.$/,
    ) as string,
  ])
  expect(await place.rows()).toEqual([])
}

async function checkAllRejected(place: Place, loading: Loading): Promise<void> {
  const sink = streamOf(place, loading)
  await runOnce(place, sink, rowsOf(1, 5))
  {
    await using run = await StepwiseRun.open(place, sink)
    await run.begin()
    await run.plan()
    const lane = await run.lane()
    await lane.reject({ slice: '', seq: 0, reason: 'too large' })
    await commit(lane, 1)
    await expect(run.finish()).rejects.toMatchObject({ code: 'records_all_rejected' })
    await run.end()
  }
  expect(sorted(await place.rows())).toEqual(rowsOf(1, 5))
  const { begun } = await runOnce(place, sink, rowsOf(4, 6))
  expect(begun).toMatchObject({ resumed: false, slices: [] })
  expect(sorted(await place.rows())).toEqual(rowsOf(4, 6))
}

async function checkExchange(
  place: Place,
  loading: Loading,
  shows: DestinationSubject['overwriteShows'],
): Promise<void> {
  const sink = streamOf(place, loading)
  await runOnce(place, sink, rowsOf(1, 5))
  await using run = await StepwiseRun.open(place, sink)
  const source = rowsOf(6, 9)
  await run.begin()
  await run.plan()
  await run.write(source)
  await run.commit(source)
  const seen = shows === 'with each commit' ? rowsOf(1, 9) : rowsOf(1, 5)
  expect(sorted(await place.rows())).toEqual(seen)
  await run.finish()
  expect(sorted(await place.rows())).toEqual(source)
}

async function checkRefused(place: Place, loading: Loading): Promise<void> {
  await using run = await StepwiseRun.open(place, streamOf(place, loading))
  await expect(run.begin()).rejects.toMatchObject({ code: 'destination_mode_unsupported' })
}
