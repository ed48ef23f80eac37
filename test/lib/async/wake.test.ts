import { expect, onTestFinished, test, vi } from 'vitest'
import { Wake } from '../../../lib/async/wake.ts'
import { neverAborted } from '../../support/signal.ts'

const never = neverAborted()
const hour = 3_600_000

test('a wait ends when it is woken, after its time, or with its signal', async () => {
  const wake = new Wake()
  const woken = wake.wait(hour, never)
  wake.now()
  await woken
  await wake.wait(1, never)
  const stop = new AbortController()
  const aborted = wake.wait(hour, stop.signal)
  stop.abort()
  await aborted
  await wake.wait(hour, stop.signal)
})

test('a reason that comes before the wait is not lost, and counts once', async () => {
  const wake = new Wake()
  wake.now()
  wake.now()
  await wake.wait(hour, never)
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  let isOver = false
  const second = wake.wait(30, never).then(() => {
    isOver = true
  })
  await vi.advanceTimersByTimeAsync(29)
  expect(isOver).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  await second
})
