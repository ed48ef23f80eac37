import { describe, expect, it } from 'vitest'
import { FixedWindowCallRatePolicy } from '../../../../manifest-interpreter/components/requesters/api-budget/fixed-window-call-rate-policy.ts'
import { MovingWindowCallRatePolicy } from '../../../../manifest-interpreter/components/requesters/api-budget/moving-window-call-rate-policy.ts'
import { compileRequestMatcher } from '../../../../manifest-interpreter/components/requesters/request-matcher.ts'
import type { HttpRequest } from '../../../../manifest-interpreter/contracts.ts'

class Clock {
  seconds = 1_700_000_000

  readonly nowMicros = (): number => Math.round(this.seconds * 1e6)
}

describe('a moving window', () => {
  it('lets as many calls through as its rates allow, then says how long to wait', () => {
    const clock = new Clock()
    const policy = new MovingWindowCallRatePolicy(
      [
        { limit: 4, intervalMs: 60_000 },
        { limit: 2, intervalMs: 10_000 },
      ],
      clock.nowMicros,
    )
    expect(policy.tryAcquire(1)).toBeNull()
    clock.seconds += 3
    expect(policy.tryAcquire(1)).toBeNull()
    expect(policy.tryAcquire(1)).toBe(7)
    clock.seconds += 7.001
    expect(policy.tryAcquire(1)).toBeNull()
    clock.seconds += 3.001
    expect(policy.tryAcquire(1)).toBeNull()
    clock.seconds += 20
    expect(policy.tryAcquire(1)).toBeCloseTo(26.998, 3)
  })

  it('counts a heavy call several times and refuses one that never fits', () => {
    const policy = new MovingWindowCallRatePolicy(
      [{ limit: 5, intervalMs: 1000 }],
      new Clock().nowMicros,
    )
    expect(policy.tryAcquire(3)).toBeNull()
    expect(policy.tryAcquire(3)).toBe(1)
    expect(policy.tryAcquire(2)).toBeNull()
    expect(() => policy.tryAcquire(6)).toThrow(
      'Weight can not exceed the lowest configured rate limit (5)',
    )
  })

  it('holds nobody up after the clock was set back', () => {
    const clock = new Clock()
    const policy = new MovingWindowCallRatePolicy([{ limit: 2, intervalMs: 1000 }], clock.nowMicros)
    expect(policy.tryAcquire(2)).toBeNull()
    clock.seconds -= 3600
    expect(policy.tryAcquire(2)).toBeNull()
    expect(policy.tryAcquire(1)).toBe(1)
  })

  it('believes a response that no call is left', () => {
    const policy = new MovingWindowCallRatePolicy(
      [{ limit: 5, intervalMs: 1000 }],
      new Clock().nowMicros,
    )
    policy.update(3, null)
    expect(policy.tryAcquire(1)).toBeNull()
    policy.update(0, null)
    expect(policy.tryAcquire(1)).toBe(1)
  })
})

describe('a fixed window', () => {
  it('gives all calls back when it ends', () => {
    const clock = new Clock()
    const policy = new FixedWindowCallRatePolicy({
      limit: 2,
      periodMicros: 60e6,
      nowMicros: clock.nowMicros,
    })
    policy.update(null, (clock.seconds + 5) * 1e6)
    expect(policy.tryAcquire(2)).toBeNull()
    expect(policy.tryAcquire(1)).toBe(5)
    clock.seconds += 5.001
    expect(policy.tryAcquire(1)).toBeNull()
    expect(policy.tryAcquire(2)).toBeCloseTo(59.999, 3)
  })

  it('believes a response that fewer calls are left, not that more are', () => {
    const clock = new Clock()
    const policy = new FixedWindowCallRatePolicy({
      limit: 10,
      periodMicros: 60e6,
      nowMicros: clock.nowMicros,
    })
    policy.update(100, null)
    policy.update(1, null)
    expect(policy.tryAcquire(1)).toBeNull()
    expect(policy.tryAcquire(1)).toBe(864_000)
    expect(() => policy.tryAcquire(11)).toThrow('Weight can not exceed the call limit')
  })
})

describe('a request matcher', () => {
  const request: HttpRequest = {
    method: 'GET',
    url: 'https://api.test/v1/items/7/?page=2&q=a+b',
    headers: new Map([['X-Key', 'k']]),
    body: null,
  }

  it.each([
    [{}, true],
    [{ method: 'get' }, true],
    [{ method: 'POST' }, false],
    [{ url_base: 'https://api.test/' }, true],
    [{ url_base: 'https://other.test' }, false],
    [{ url_path_pattern: '^/v1/items/\\d+$' }, true],
    [{ url_path_pattern: 'users' }, false],
    [{ params: { page: 2, q: 'a b' } }, true],
    [{ params: { page: 3 } }, false],
    [{ headers: { 'x-key': 'k' } }, true],
    [{ headers: { 'x-key': 'other' } }, false],
  ])('with %j says %s', (definition, expected) => {
    const matches = compileRequestMatcher({ type: 'HttpRequestRegexMatcher', ...definition })
    expect([matches(request), matches(request)]).toEqual([expected, expected])
  })
})
