import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pageOf, pagePlace } from '../../../../service/platform/database/page.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import { anyText } from '../../../support/any-text.ts'

const as = { list: 'runs', key: (row: string) => row, item: (row: string) => row } as const

describe('a cursor', () => {
  test('leads to where the page before ended', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w-]{1,63}$/), (key) => {
        const place = pagePlace('runs', { limit: 1 })
        const { next } = pageOf([key, 'more'], place, as)
        expect(pagePlace('runs', { cursor: next ?? '' }).after).toBe(key)
      }),
    )
  })

  test('of another list is refused', () => {
    const { next } = pageOf(['a', 'b'], pagePlace('instances', { limit: 1 }), {
      ...as,
      list: 'instances',
    })
    expect(() => pagePlace('runs', { cursor: next ?? '' })).toThrow(ConnectError)
  })

  test('that was made up is refused, or is one that the list could have given', () => {
    const madeUp = fc.oneof(
      fc.string(),
      anyText(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.string().map((key) => Buffer.from(JSON.stringify(['runs', key])).toString('base64url')),
    )
    fc.assert(
      fc.property(madeUp, (cursor) => {
        try {
          const { after } = pagePlace('runs', { cursor })
          expect(after).not.toContain('\0')
          expect(pageOf([after ?? '', 'more'], { limit: 1, after }, as).next).toBe(cursor)
        } catch (error) {
          expect(error).toMatchObject({ code: 'cursor_invalid' })
        }
      }),
    )
  })

  test.each([
    [undefined, 50],
    [0, 1],
    [-3, 1],
    [7.9, 7],
    [1_000, 200],
  ])('a limit of %s is one of %s', (limit, expected) => {
    expect(pagePlace('runs', { ...(limit !== undefined && { limit }) }).limit).toBe(expected)
  })
})
