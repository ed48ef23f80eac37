import { describe, expect, test } from 'vitest'
import { readTime } from '../../../../service/platform/database/read-time.ts'

describe('a time of PostgreSQL', () => {
  test.each([
    ['a column', '2026-11-28 05:10:08.123456+00', '2026-11-28T05:10:08.123Z'],
    ['a column without fractions', '2026-11-28 05:10:08+00', '2026-11-28T05:10:08.000Z'],
    ['a column with one digit of them', '2026-11-28 05:10:08.1+00', '2026-11-28T05:10:08.100Z'],
    ['a document', '2026-11-28T05:10:08.99999+00:00', '2026-11-28T05:10:08.999Z'],
    ['a session ahead of UTC', '2026-11-28 10:40:08.123456+05:30', '2026-11-28T05:10:08.123Z'],
    ['a session behind UTC', '2026-11-27 23:10:08-06', '2026-11-28T05:10:08.000Z'],
    ['a document of such a session', '2026-11-27T23:10:08-06:00', '2026-11-28T05:10:08.000Z'],
  ])('of %s is ISO 8601 in UTC', (_, text, iso) => {
    expect(readTime(text)).toBe(iso)
  })

  test('that is none throws', () => {
    expect(() => readTime('infinity')).toThrow(RangeError)
  })
})
