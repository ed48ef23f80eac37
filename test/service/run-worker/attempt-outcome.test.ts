import { expect, test } from 'vitest'
import type { RunResult, StreamResult } from '../../../engine/run-types.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { outcomeOf, type AttemptEnd } from '../../../service/run-worker/attempt-outcome.ts'
import { LeftRuns } from '../../../service/run-worker/left-runs.ts'
import type { RunStream } from '../../../service/runs/schema.ts'

const retries = { maxFruitless: 3, firstDelayMs: 1_000, maxDelayMs: 3_000 }
const transient = new ConnectError('simulated_failure', { details: { stream: 'a', row: 1 } })
const permanent = new ConnectError('simulated_config_error', { details: { stream: 'a', row: 1 } })

function streamResult(error?: ConnectError, progressed = false): StreamResult {
  return {
    stream: { name: 'a' },
    status: error === undefined ? 'complete' : 'failed',
    read: 1,
    readAgain: 0,
    readBytes: 1,
    loaded: 1,
    rejected: 0,
    syncId: 1,
    generationId: 1,
    nulled: 0,
    cut: 0,
    tableNotes: [],
    resumed: false,
    progressed,
    seconds: 1,
    warnings: [],
    ...(error !== undefined && { error: error.toJSON() }),
  }
}

function stream(name: string, status: RunStream['status']): RunStream {
  const counts = { read: 0, readAgain: 0, readBytes: 0, loaded: 0, rejected: 0, nulled: 0, cut: 0 }
  return {
    name,
    namespace: null,
    status,
    ...counts,
    bottleneck: null,
    error: null,
    warnings: [],
    tableChanges: [],
  }
}

function failed(...streams: StreamResult[]): AttemptEnd {
  const result: RunResult = { status: 'failed', seconds: 1, streams }
  return {
    ending: { result },
    streams: streams.map(({ stream: id, status }) => stream(id.name, status)),
    reason: undefined,
    fruitlessBefore: 0,
    leaveMs: undefined,
  }
}

const stopped: AttemptEnd = {
  ending: { result: { status: 'stopped', seconds: 1, streams: [] } },
  streams: [stream('a', 'stopped'), stream('b', 'complete')],
  reason: undefined,
  fruitlessBefore: 0,
  leaveMs: undefined,
}

test('a run whose streams are all complete is complete, whatever was asked in the last moment', () => {
  const result = { status: 'complete', seconds: 1, streams: [streamResult()] } as const
  for (const reason of [undefined, 'cancel', 'shutdown'] as const) {
    const end = { ...failed(), ending: { result }, streams: [stream('a', 'complete')], reason }
    expect(outcomeOf(end, retries, 0)).toEqual({ kind: 'end', status: 'complete', error: null })
  }
})

test('a run whose streams are all complete is partial if one of its attempts rejected records, and not tried again', () => {
  for (const status of ['complete', 'partial'] as const) {
    for (const reason of [undefined, 'cancel', 'shutdown'] as const) {
      const result = { status, seconds: 1, streams: [streamResult()] }
      const streams = [{ ...stream('a', 'complete'), rejected: 2 }]
      const end = { ...failed(), ending: { result }, streams, reason }
      expect(outcomeOf(end, retries, 0)).toEqual({ kind: 'end', status: 'partial', error: null })
    }
  }
})

test('a stopped run is cancelled, goes back to the queue, or is left to its new owner', () => {
  expect(outcomeOf({ ...stopped, reason: 'cancel' }, retries, 0)).toMatchObject({
    kind: 'end',
    status: 'cancelled',
  })
  for (const reason of ['shutdown', 'upgrade'] as const) {
    expect(outcomeOf({ ...stopped, reason }, retries, 0)).toEqual({
      kind: 'again',
      error: null,
      progressed: true,
      delayMs: 0,
    })
  }
  expect(outcomeOf({ ...stopped, reason: 'lost' }, retries, 0)).toEqual({ kind: 'lost' })
})

test('what may pass is tried again, later each time, until nothing has moved for long enough', () => {
  const delays = [0, 1, 2].map((fruitlessBefore) =>
    outcomeOf({ ...failed(streamResult(transient)), fruitlessBefore }, retries, 0),
  )
  expect(delays).toMatchObject([
    { kind: 'again', delayMs: 1_000, progressed: false },
    { kind: 'again', delayMs: 2_000 },
    { kind: 'end', status: 'failed', error: { code: 'simulated_failure' } },
  ])
})

test('a destination that a newer version has migrated is for a process of that version, for a while', () => {
  const details = { schema: 'reactor_connect', found: 15, known: 14 }
  const newer = new ConnectError('destination_bookkeeping_newer', { details })
  const end = { ...failed(), ending: { thrown: newer }, fruitlessBefore: 7 }
  expect(outcomeOf({ ...end, leaveMs: 2_000 }, retries, 0)).toMatchObject({
    kind: 'again',
    error: { code: 'destination_bookkeeping_newer' },
    progressed: true,
    delayMs: 2_000,
  })
  expect(outcomeOf(end, retries, 0)).toMatchObject({ kind: 'end', status: 'failed' })

  let nowMs = 0
  const left = new LeftRuns({ forMs: 1_000, now: () => nowMs })
  const first = { id: 'run', error: null }
  const again = { id: 'run', error: newer.toJSON() }
  expect(left.leave(first)).toBe(true)
  nowMs = 999
  expect([left.has('run'), left.has('other'), left.leave(again)]).toEqual([true, false, true])
  nowMs = 1_000
  expect([left.has('run'), left.leave(again)]).toEqual([false, false])
  // Another process has worked on it in the meantime, so there is one that can.
  expect([left.leave(first), left.has('run')]).toEqual([true, true])
})

test('an attempt that moved a checkpoint is not a failed one', () => {
  const end = { ...failed(streamResult(transient, true)), fruitlessBefore: 2 }
  expect(outcomeOf(end, retries, 0)).toMatchObject({
    kind: 'again',
    progressed: true,
    delayMs: 1_000,
  })
})

test('what does not pass by itself ends the run; the streams that are complete make it partial', () => {
  expect(outcomeOf(failed(streamResult(permanent)), retries, 0)).toMatchObject({
    kind: 'end',
    status: 'failed',
  })
  const some = {
    ...failed(streamResult(permanent)),
    streams: [stream('a', 'failed'), stream('b', 'complete')],
  }
  expect(outcomeOf(some, retries, 0)).toMatchObject({ kind: 'end', status: 'partial' })
})

test('a source that cannot even be asked is tried again where that may help', () => {
  const unreachable = new ConnectError('store_unavailable', { details: { reason: 'away' } })
  const end = { ...failed(), ending: { thrown: unreachable } }
  expect(outcomeOf(end, retries, 0.5)).toMatchObject({ kind: 'again', delayMs: 900 })
  expect(outcomeOf({ ...end, ending: { thrown: permanent } }, retries, 0)).toMatchObject({
    kind: 'end',
    status: 'failed',
    error: { code: 'simulated_config_error' },
  })
})
