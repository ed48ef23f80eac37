import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { formatTime } from '../../../cli/output/format-time.ts'
import { plainText } from '../../../cli/output/plain-text.ts'
import { table } from '../../../cli/output/table.ts'
import { anyText } from '../../support/any-text.ts'

test('columns are as wide as their widest cell', () => {
  expect(
    table(
      [
        ['a', 'bb'],
        ['ccc', ''],
      ],
      { header: ['X', 'Y'] },
    ),
  ).toBe('X    Y\na    bb\nccc\n')
  expect(table([])).toBe('')
})

test('the widest columns give way first, wide characters count as two', () => {
  const rows = [['short', 'x'.repeat(40), '漢'.repeat(20)]]
  expect(table(rows, { columns: 40 })).toBe(`short  ${'x'.repeat(14)}…  ${'漢'.repeat(7)}…\n`)
})

test('whatever the cells hold, a line fits the terminal and holds no control character', () => {
  const cell = anyText({ maxLength: 60 })
  const width = fc.integer({ min: 40, max: 120 })
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), width, (rows, columns) => {
      const lines = table(rows, { columns }).trimEnd().split('\n')
      for (const line of lines) {
        expect(stringWidth(line)).toBeLessThanOrEqual(columns)
        expect(line).not.toMatch(/\p{Cc}/u)
      }
    }),
  )
})

test('a text of others is one line without escape sequences', () => {
  expect(plainText('a\r\n\tb\u001B]0;title\u0007\u009B1m\u202Ec')).toBe('a b�]0;title��1m�c')
})

test('times are shown in UTC, to the second', () => {
  expect(formatTime('2026-11-26T12:53:01.123+01:00')).toBe('2026-11-26 11:53:01Z')
  expect(formatTime(null)).toBe('')
})
