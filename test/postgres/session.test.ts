import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { resultsOf, withFarewell } from '../../postgres/session.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('a session whose server does not respond to its farewell is destroyed after two seconds', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const destroy = vi.fn(() => {
    resolve(undefined)
  })
  const closed = withFarewell(() => promise, destroy)
  await vi.advanceTimersByTimeAsync(1_999)
  expect(destroy).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await closed
  expect(destroy).toHaveBeenCalledOnce()
})

test('a session whose server responds to its farewell is not destroyed later, also if the farewell failed', async () => {
  const destroy = vi.fn()
  await withFarewell(() => Promise.resolve(), destroy)
  const failed = withFarewell(() => Promise.reject(new Error('gone')), destroy)
  await expect(failed).rejects.toThrow('gone')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(destroy).not.toHaveBeenCalled()
})

test('one statement and several give a list of results', () => {
  const result = { rows: [{ a: 1 }], rowCount: 1, command: 'SELECT', oid: 0, fields: [] }
  expect(resultsOf(result)).toEqual([result])
  expect(resultsOf([result, result])).toEqual([result, result])
})
