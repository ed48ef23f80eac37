import { expect, test } from 'vitest'
import type { RunSummary } from '../../../service/runs/schema.ts'
import { estimatedSeconds } from '../../../service/sandboxes/estimate-time.ts'

const cut = { estimated_cost: { rows: 3_000_000, bytes: 0, requests: null, seconds: null } }
const lastRun: RunSummary = {
  id: 'run_1',
  connection: 'shop',
  status: 'complete',
  trigger: 'manual',
  createdAt: '2026-11-27T05:59:00.000Z',
  startedAt: '2026-11-27T06:00:00.000Z',
  endedAt: '2026-11-27T06:00:20.000Z',
  read: 2_000_000,
  loaded: 2_000_000,
  rejected: 0,
  error: null,
}

test('a stream that was cut takes as long as the records of the last run took', () => {
  expect(estimatedSeconds(cut, lastRun)).toBe(30)
})

test('where the last run says nothing of the rate, no time is given', () => {
  expect(estimatedSeconds(cut, null)).toBeNull()
  expect(estimatedSeconds(cut, { ...lastRun, status: 'failed' })).toBeNull()
  expect(estimatedSeconds(cut, { ...lastRun, read: 10 })).toBeNull()
  expect(estimatedSeconds(cut, { ...lastRun, endedAt: null })).toBeNull()
  const unknown = { estimated_cost: { ...cut.estimated_cost, rows: null } }
  expect(estimatedSeconds(unknown, lastRun)).toBeNull()
})

test('a stream that was read to its end takes as long as that read took', () => {
  const whole = { estimated_cost: { ...cut.estimated_cost, seconds: 0.4 } }
  expect(estimatedSeconds(whole, lastRun)).toBe(0.4)
})
