import { expect, test } from 'vitest'
import type { StreamProgress, StreamResult } from '../../../engine/run-types.ts'
import { AttemptStreams } from '../../../service/run-worker/attempt-streams.ts'

function progress(name: string, loaded: number): StreamProgress {
  return {
    stream: { name },
    status: 'running',
    read: loaded,
    readAgain: 0,
    readBytes: loaded * 10,
    loaded,
    rejected: 0,
    nulled: loaded * 2,
    cut: loaded * 3,
    bottleneck: 'copy',
  }
}

function result(name: string, loaded: number, warnings: string[] = []): StreamResult {
  const numbers = {
    tableNotes: [],
    syncId: 1,
    generationId: 1,
    resumed: false,
    progressed: true,
    seconds: 1,
  }
  return { ...progress(name, loaded), status: 'complete', ...numbers, warnings }
}

test('an attempt adds to what the attempts before it did', () => {
  const first = new AttemptStreams([])
  first.begin([{ name: 'a' }, { name: 'b' }])
  expect(first.all.map(({ status }) => status)).toEqual(['waiting', 'waiting'])
  first.progress([progress('a', 5), progress('b', 7)])
  first.result([result('b', 8, ['late'])])
  first.settle()
  expect(first.all).toMatchObject([
    { name: 'a', status: 'stopped', loaded: 5, bottleneck: 'copy' },
    { name: 'b', status: 'complete', loaded: 8, bottleneck: null, warnings: ['late'] },
  ])

  const second = new AttemptStreams(first.all)
  second.begin([{ name: 'a' }])
  second.progress([progress('a', 3)])
  second.result([result('a', 4)])
  expect(second.all).toMatchObject([
    { name: 'a', status: 'complete', loaded: 9, readBytes: 90, nulled: 18, cut: 27 },
    { name: 'b', status: 'complete', loaded: 8, nulled: 16, cut: 24 },
  ])
})

test('a stream that the source has no more is not waited for', () => {
  const before = new AttemptStreams([])
  before.begin([{ name: 'gone' }, { name: 'a' }])
  const streams = new AttemptStreams(before.all)
  streams.begin([{ name: 'a' }])
  expect(streams.all.map(({ name }) => name)).toEqual(['a'])
})

test('a retry takes over the streams that are complete, and no counts', () => {
  const retried = new AttemptStreams([])
  retried.begin([{ name: 'a' }, { name: 'b', namespace: 'n' }])
  retried.result([{ ...result('b', 8), stream: { name: 'b', namespace: 'n' } }])
  const streams = new AttemptStreams([])
  streams.keep({ id: 'run_1', streams: retried.all })
  streams.begin([{ name: 'a' }])
  expect(streams.all).toMatchObject([
    { name: 'b', namespace: 'n', status: 'complete', loaded: 0 },
    { name: 'a', status: 'waiting' },
  ])
})

test('a retry takes over the rejected records of a complete stream, so that it is not taken for complete', () => {
  const retried = new AttemptStreams([])
  retried.begin([{ name: 'a' }])
  retried.result([{ ...result('a', 8, ['2 records were rejected']), rejected: 2 }])
  const streams = new AttemptStreams([])
  streams.keep({ id: 'run_1', streams: retried.all })
  expect(streams.all).toMatchObject([
    {
      name: 'a',
      status: 'complete',
      loaded: 0,
      rejected: 2,
      warnings: ['2 records were rejected', 'complete since run_1, not read again'],
    },
  ])
})

test('after a kill the counts are those of the destination, and what was read twice is apart', () => {
  const killed = new AttemptStreams([])
  killed.begin([{ name: 'a' }])
  // The last beat: 40 were read and 30 loaded; then 35 were committed before the process died.
  killed.progress([{ ...progress('a', 30), read: 40 }])
  const next = new AttemptStreams(killed.all)
  next.begin([{ name: 'a' }])
  const before = { loaded: 35, rejected: 0, nulled: 71, cut: 106 }
  next.progress([{ ...progress('a', 10), read: 20, before }])
  expect(next.all).toMatchObject([{ read: 60, readAgain: 0, loaded: 45, nulled: 91, cut: 136 }])
  next.result([{ ...result('a', 65), before }])
  expect(next.all).toMatchObject([{ read: 100, readAgain: 5, loaded: 100 }])
})

test('what was read before a kill counts as much as what was loaded then, also if no beat told of it', () => {
  const before = { loaded: 30, rejected: 5, nulled: 0, cut: 0 }
  const next = new AttemptStreams([])
  next.begin([{ name: 'a' }])
  next.progress([{ ...progress('a', 10), read: 20, before }])
  expect(next.all).toMatchObject([{ read: 55, loaded: 40, rejected: 5 }])
  next.result([{ ...result('a', 65), before }])
  expect(next.all).toMatchObject([{ read: 100, readAgain: 0, loaded: 95, rejected: 5 }])
})

test('what was read before two kills counts, also if the second came before the stream began again', () => {
  const first = new AttemptStreams([])
  first.begin([{ name: 'a' }])
  first.progress([progress('a', 40)])
  const second = new AttemptStreams(first.all)
  second.begin([{ name: 'a' }])
  const third = new AttemptStreams(second.all)
  third.begin([{ name: 'a' }])
  const before = { loaded: 30, rejected: 0, nulled: 0, cut: 0 }
  third.result([{ ...result('a', 70), before }])
  expect(third.all).toMatchObject([{ read: 100, readAgain: 10, loaded: 100 }])
})

test('a sync that began again counts from its beginning', () => {
  const killed = new AttemptStreams([])
  killed.begin([{ name: 'a' }])
  killed.progress([progress('a', 30)])
  const next = new AttemptStreams(killed.all)
  next.begin([{ name: 'a' }])
  next.result([{ ...result('a', 100), before: { loaded: 0, rejected: 0, nulled: 0, cut: 0 } }])
  expect(next.all).toMatchObject([{ read: 100, readAgain: 30, loaded: 100, nulled: 200, cut: 300 }])
})

test('streams whose parts join to one text are counted apart', () => {
  const first = { namespace: 'a', name: 'b.c' }
  const second = { namespace: 'a.b', name: 'c' }
  const streams = new AttemptStreams([])
  streams.begin([first, second])
  streams.result([{ ...result('b.c', 8), stream: first }])
  streams.progress([{ ...progress('c', 3), stream: second }])
  expect(streams.all).toMatchObject([
    { ...first, status: 'complete', loaded: 8 },
    { ...second, status: 'running', loaded: 3 },
  ])
  const next = new AttemptStreams([])
  next.keep({ id: 'run_1', streams: streams.all })
  expect(next.all).toMatchObject([{ ...first, status: 'complete' }])
})

test('what happened to the columns of a table is told once, of all attempts', () => {
  const added = { kind: 'added', column: 'a', type: 'bigint' } as const
  const widened = { kind: 'widened', column: 'a', type: 'text', was: 'bigint' } as const
  const first = new AttemptStreams([])
  first.begin([{ name: 's' }])
  first.result([{ ...result('s', 1), status: 'failed', tableNotes: [added] }])
  const second = new AttemptStreams(first.all)
  second.begin([{ name: 's' }])
  second.result([{ ...result('s', 1), tableNotes: [added, widened] }])
  expect(second.all).toMatchObject([{ name: 's', tableChanges: [added, widened] }])
})
