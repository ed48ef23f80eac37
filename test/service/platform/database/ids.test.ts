import { expect, test } from 'vitest'
import { newId, ulid } from '../../../../service/platform/database/ids.ts'

test('later ids sort after earlier ones, within a millisecond and when the clock is set back too', () => {
  const nowMs = Date.now() + 10_000
  const times = [nowMs, nowMs, nowMs, nowMs - 5_000, nowMs + 1, nowMs, nowMs + 2]
  const ids = times.map(ulid)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(times.length)
})

test('an id is a ULID with a prefix', () => {
  expect(newId('run')).toMatch(/^run_[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
})
