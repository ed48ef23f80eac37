import { getEventListeners } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { timeLimit } from '../../../lib/async/time-limit.ts'

const hour = 3_600_000

test('a limit is over with the outer signal, with its reason', () => {
  const outer = new AbortController()
  using before = timeLimit(outer.signal, hour)
  expect(before.signal.aborted).toBe(false)
  const reason = new Error('stopped')
  outer.abort(reason)
  using after = timeLimit(outer.signal, hour)
  expect([before.signal.reason, after.signal.reason]).toEqual([reason, reason])
})

test('a limit is over after its time', async () => {
  using limit = timeLimit(undefined, 1)
  await expect.poll(() => limit.signal.aborted).toBe(true)
  expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError' })
})

test('nothing is left of a limit that was disposed of', () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const outer = new AbortController()
  const limit = timeLimit(outer.signal, hour)
  limit[Symbol.dispose]()
  expect(getEventListeners(outer.signal, 'abort')).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  outer.abort()
  expect(limit.signal.aborted).toBe(false)
})
