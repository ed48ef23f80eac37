import { expect, test } from 'vitest'
import { LagClock, lagOf, WalGuard } from '../../connectors/postgres/cdc/wal-guard.ts'

const megabyte = 2 ** 20

function guardAfter(
  kept: readonly number[],
  { most, safe = null }: { readonly most?: number; readonly safe?: number | null } = {},
): WalGuard {
  const guard = new WalGuard({ most, patienceMs: 10_000 })
  kept.forEach((size, index) => {
    guard.note({ atMs: index * 2_000, behind: size, kept: size, safe })
  })
  return guard
}

test('a log that grows is too much in a known time', () => {
  const guard = guardAfter(
    [0, 2, 4, 6].map((size) => size * megabyte),
    { most: 16 * megabyte },
  )
  expect(guard.growth).toBe(megabyte)
  expect(guard.secondsLeft).toBe(10)
  expect(guard.isNear).toBe(true)
  expect(guard.isOver).toBe(false)
})

test('the server may give the slot up before', () => {
  const kept = [0, 2, 4].map((size) => size * megabyte)
  expect(guardAfter(kept, { safe: 3 * megabyte }).secondsLeft).toBe(3)
  expect(guardAfter(kept).secondsLeft).toBeUndefined()
  expect(guardAfter(kept.toReversed(), { most: 4 * megabyte }).secondsLeft).toBeUndefined()
})

test('a run that catches up is not stopped, and one that does not is', () => {
  const most = 10
  expect(guardAfter([90, 80, 70, 60, 50, 40, 30, 20], { most }).isOver).toBe(false)
  expect(guardAfter([90, 80, 80, 80, 80, 81, 80], { most }).isOver).toBe(true)
  expect(guardAfter([90, 80, 80, 80, 80, 81, 9], { most }).isOver).toBe(false)
})

test('the lag is the age of the oldest part of the log that is not confirmed', () => {
  const clock = new LagClock()
  expect(clock.age(0, { end: 100n, confirmed: 100n })).toBe(0)
  expect(clock.age(2_000, { end: 200n, confirmed: 100n })).toBe(0)
  expect(clock.age(4_000, { end: 300n, confirmed: 150n })).toBe(2)
  expect(clock.age(6_000, { end: 300n, confirmed: 200n })).toBe(2)
  expect(clock.age(8_000, { end: 300n, confirmed: 300n })).toBe(0)
  const guard = guardAfter([1, 2])
  expect(lagOf({ atMs: 0, behind: 5, kept: 7, safe: null }, 3, guard)).toEqual({
    bytes: 5,
    seconds: 3,
    keptBytes: 7,
    growthBytesPerSecond: 0.5,
  })
})
