import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { retryWhileAway } from '../../../service/run-worker/retry-while-away.ts'
import { silent as logger } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

const patience = { logger, shutdown: neverAborted() }

test('a database that is away is asked again; what does not pass is thrown at once', async () => {
  let asked = 0
  const answer = await retryWhileAway(async () => {
    asked += 1
    await Promise.resolve()
    if (asked === 1) throw new ConnectError('store_unavailable', { details: { reason: 'away' } })
    return 'ended'
  }, patience)
  expect({ answer, asked }).toEqual({ answer: 'ended', asked: 2 })
  const refused = retryWhileAway(() => Promise.reject(new ConnectError('run_not_found')), patience)
  await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'run_not_found' }) as Error)
})

test('a process that stops does not wait for a minute', async () => {
  const stop = new AbortController()
  let asked = 0
  const answer = retryWhileAway(
    () => {
      asked += 1
      return Promise.reject(new ConnectError('store_unavailable', { details: { reason: 'away' } }))
    },
    { logger, shutdown: stop.signal },
  )
  stop.abort()
  await expect(answer).rejects.toThrow(
    expect.objectContaining({ code: 'store_unavailable' }) as Error,
  )
  // Once a second, for three seconds; in a minute it is asked 60 times.
  expect(asked).toBeLessThanOrEqual(5)
})
