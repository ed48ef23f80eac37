import { describe, expect, test } from 'vitest'
import { LaneOrder } from '../../../engine/log/lane-order.ts'
import type { LogEntry } from '../../../engine/log/stream-log.ts'

const lane = { connection: 'c', stream: { name: 'orders' }, partition: 0 }
const begin = (slice: string, seq: number, attempt = 1): LogEntry => ({
  type: 'begin',
  syncId: 1,
  attempt,
  slice,
  seq,
  columns: [],
})
const records = (slice: string, seq: number, count: number): LogEntry => ({
  type: 'records',
  slice,
  seq,
  count,
  bytes: new Uint8Array(),
})
const rejected = (slice: string, seq: number): LogEntry => ({
  type: 'rejected',
  slice,
  seq,
  reason: 'r',
})
const state = (slice: string, seq: number, count: number): LogEntry => ({
  type: 'state',
  slice,
  seq,
  count,
  state: null,
})
const end = (slice: string, seq: number): LogEntry => ({
  type: 'end',
  slice,
  seq,
  outcome: 'complete',
})
const close = (count: number): LogEntry => ({ type: 'close', attempt: 1, records: count })

/** Entries of attempt 1, but for those that come with another one. */
type Written = LogEntry | readonly [attempt: number, entry: LogEntry, writtenBefore?: number]

function check(startsAt: 'slice' | 'anywhere', written: readonly Written[]): string {
  const order = new LaneOrder({ lane, startsAt })
  try {
    for (const item of written) {
      const [attempt, entry, writtenBefore] = 'type' in item ? [1, item] : item
      order.take(entry, { attempt, ...(writtenBefore !== undefined && { writtenBefore }) })
    }
    return 'ok'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

test('takes slices, units and rejections in order, with true counts', () => {
  const entries = [
    begin('a', 5),
    records('a', 5, 3),
    rejected('a', 8),
    state('a', 9, 4),
    state('a', 9, 0),
    end('a', 9),
    begin('b', 0),
    end('b', 0),
    close(3),
  ]
  expect(check('slice', entries)).toBe('ok')
})

test.each<[string, readonly LogEntry[], string]>([
  ['a record before any begin', [records('a', 0, 1)], 'log_out_of_order'],
  ['a gap', [begin('a', 0), records('a', 1, 1)], 'log_out_of_order'],
  ['a repetition', [begin('a', 0), records('a', 0, 2), records('a', 1, 1)], 'log_out_of_order'],
  ['another slice in the middle', [begin('a', 0), records('b', 0, 1)], 'log_out_of_order'],
  [
    'a state beyond its records',
    [begin('a', 0), records('a', 0, 2), state('a', 3, 2)],
    'log_out_of_order',
  ],
  [
    'a state with another count',
    [begin('a', 0), records('a', 0, 2), state('a', 2, 1)],
    'accounting_mismatch',
  ],
  [
    'an end before the last state',
    [begin('a', 0), records('a', 0, 2), end('a', 2)],
    'log_out_of_order',
  ],
  ['a record after the end', [begin('a', 0), end('a', 0), records('a', 0, 1)], 'log_out_of_order'],
  [
    'a close with another count',
    [begin('a', 0), records('a', 0, 2), state('a', 2, 2), end('a', 2), close(3)],
    'accounting_mismatch',
  ],
])('refuses %s', (_, entries, code) => {
  expect(check('slice', entries)).toBe(code)
})

test('takes a lane that is entered at a checkpoint inside a slice', () => {
  expect(
    check('anywhere', [records('a', 300, 10), state('a', 310, 10), end('a', 310), close(9_999)]),
  ).toBe('ok')
  expect(check('anywhere', [state('a', 310, 0), end('a', 310)])).toBe('ok')
  expect(check('anywhere', [records('a', 300, 10), records('a', 311, 1)])).toBe('log_out_of_order')
})

test('takes orphans, and the begin that goes back behind them', () => {
  expect(
    check('anywhere', [
      begin('a', 0),
      records('a', 0, 10),
      begin('a', 0, 2),
      records('a', 0, 4),
      state('a', 4, 4),
    ]),
  ).toBe('ok')
})

test('checks what the begin says was written before it', () => {
  const ofFirst = [
    [1, begin('a', 0), 0],
    records('a', 0, 10),
    state('a', 10, 10),
    end('a', 10),
  ] as const
  expect(check('anywhere', [...ofFirst, [1, begin('b', 0), 10]])).toBe('ok')
  expect(check('anywhere', [...ofFirst, [1, begin('b', 0), 11]])).toBe('accounting_mismatch')
  expect(check('anywhere', [...ofFirst, [1, begin('b', 0), 0]])).toBe('accounting_mismatch')
})

describe('each attempt counts for itself', () => {
  const first = [
    [1, begin('a', 0), 0],
    records('a', 0, 10),
    state('a', 10, 10),
    end('a', 10),
  ] as const
  const killed = [[1, begin('a', 0), 0], records('a', 0, 10), state('a', 10, 10)] as const

  test.each<[string, readonly Written[], string]>([
    ['has nothing to read after a whole one', [...first, close(10), [2, close(0)]], 'ok'],
    ['has nothing to read after one without a close', [...first, [2, close(0)]], 'ok'],
    ['has nothing to read, several times', [...first, [2, close(0)], [3, close(0)]], 'ok'],
    [
      'goes on after a killed one',
      [
        ...killed,
        [2, begin('a', 10), 0],
        [2, records('a', 10, 3)],
        [2, state('a', 13, 3)],
        [2, close(3)],
      ],
      'ok',
    ],
    ['closes with a record that did not arrive', [...first, [2, close(1)]], 'accounting_mismatch'],
    ['closes with those of the one before', [...first, [2, close(10)]], 'accounting_mismatch'],
    [
      'goes on, and closes with too few',
      [
        ...killed,
        [2, begin('a', 10), 0],
        [2, records('a', 10, 3)],
        [2, state('a', 13, 3)],
        [2, close(2)],
      ],
      'accounting_mismatch',
    ],
    [
      'begins with records that did not arrive',
      [...killed, [2, begin('a', 10), 5]],
      'accounting_mismatch',
    ],
  ])('an attempt that %s', (_, written, code) => {
    expect(check('anywhere', written)).toBe(code)
  })

  test('one that was entered in the middle is not checked, and the next one is', () => {
    const rest = [records('a', 5, 5), state('a', 10, 5), end('a', 10), close(10)]
    expect(check('anywhere', [...rest, [2, close(0)]])).toBe('ok')
    expect(check('anywhere', [...rest, [2, close(5)]])).toBe('accounting_mismatch')
  })
})
