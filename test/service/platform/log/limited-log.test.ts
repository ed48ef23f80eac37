import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LimitedLog } from '../../../../service/platform/log/limited-log.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('a cause has a line at once, then one in an interval with the number of those left out; other causes have their own', () => {
  const lines: unknown[] = []
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  )
  const log = new LimitedLog(logger, 10_000)
  const fail = (code: string, n: number): void => {
    log.line(code, { level: 'error', facts: { code, n }, message: 'it failed' })
  }
  for (let n = 1; n <= 100; n++) fail('a', n)
  fail('b', 1)
  const line = (facts: object): object => ({ level: 50, ...facts, msg: 'it failed' })
  expect(lines.splice(0)).toEqual([line({ code: 'a', n: 1 }), line({ code: 'b', n: 1 })])
  vi.advanceTimersByTime(10_000)
  expect(lines.splice(0)).toEqual([line({ code: 'a', n: 100, left_out: 98 })])
  vi.advanceTimersByTime(20_000)
  expect(lines).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  fail('a', 101)
  expect(lines).toEqual([line({ code: 'a', n: 101 })])
})
