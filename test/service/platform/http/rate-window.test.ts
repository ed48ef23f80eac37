import { describe, expect, test } from 'vitest'
import { RateWindow } from '../../../../service/platform/http/rate-window.ts'

describe('a window of a minute', () => {
  test('takes so many, says how long to wait, and begins anew', () => {
    let now = 1_000_000
    const window = new RateWindow(2, () => now)
    expect([window.hit('a'), window.hit('a'), window.wait('a')]).toEqual([0, 0, 60])
    now += 20_500
    expect([window.hit('a'), window.wait('b')]).toEqual([40, 0])
    now += 40_000
    expect([window.wait('a'), window.hit('a')]).toEqual([0, 0])
  })

  test('with the limit 0 takes all', () => {
    const window = new RateWindow(0)
    for (let count = 0; count < 10; count++) expect(window.hit('a')).toBe(0)
    expect(window.wait('a')).toBe(0)
  })

  test('forgets the oldest of very many keys', () => {
    const window = new RateWindow(1, () => 0)
    window.hit('first')
    for (let count = 0; count < 10_000; count++) window.hit(String(count))
    expect([window.wait('first'), window.wait('9999')]).toEqual([0, 60])
  })
})
