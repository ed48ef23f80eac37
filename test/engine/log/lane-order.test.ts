import { expect, test } from 'vitest'
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

function check(startsAt: 'slice' | 'anywhere', entries: readonly LogEntry[]): string {
  const order = new LaneOrder({ lane, startsAt })
  try {
    for (const entry of entries) order.take(entry)
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
  const order = new LaneOrder({ lane, startsAt: 'anywhere' })
  order.take(begin('a', 0), 0)
  order.take(records('a', 0, 10))
  order.take(state('a', 10, 10))
  order.take(end('a', 10))
  expect(() => {
    order.take(begin('b', 0), 11)
  }).toThrow(/11 records were read but 10 arrived/)
})
