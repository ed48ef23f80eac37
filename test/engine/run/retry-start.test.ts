import { expect, test } from 'vitest'
import { retryStart } from '../../../engine/run/retry-start.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { silent } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

const place = { host: 'db', port: 5432 }
const starting = new ConnectError('source_unreachable', {
  details: { ...place, sqlstate: '57P03', reason: 'the database system is starting up' },
})
const refused = new ConnectError('source_unreachable', {
  details: { ...place, reason: 'nothing listens on that port' },
})

/** How often it was tried. */
async function triesOf(errors: readonly ConnectError[], stepMs = 0): Promise<number> {
  let tries = 0
  let nowMs = 0
  const context = { logger: silent, signal: neverAborted(), now: () => (nowMs += stepMs) }
  const work = (): Promise<undefined> => {
    const error = errors[tries]
    tries += 1
    return error === undefined ? Promise.resolve(undefined) : Promise.reject(error)
  }
  await retryStart(context, work).catch((thrown: unknown) => {
    expect(errors).toContain(thrown)
  })
  return tries
}

test('a server that says that it starts is waited for, also if nobody listens for a while', async () => {
  expect(await triesOf([starting, refused])).toBe(3)
})

test('a server that was not reached is not tried again, nor one that starts for five minutes', async () => {
  expect(await triesOf([refused])).toBe(1)
  expect(await triesOf([starting, starting, starting], 300_001)).toBe(2)
})
