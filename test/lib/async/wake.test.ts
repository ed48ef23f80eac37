import { expect, test } from 'vitest'
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
  const startedMs = performance.now()
  await wake.wait(30, never)
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(25)
})
