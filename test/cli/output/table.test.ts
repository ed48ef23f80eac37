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

test('a list that is too wide leaves out columns, and never a part of an id, a time or a number', () => {
  const header = ['RUN', 'STATUS', 'TRIGGER', 'CREATED', 'TOOK', 'LOADED', 'REJECTED', 'ERROR']
  const id = 'run_01JD8Q2V6T3X9K5M7N4P1R8S0W'
  const time = '2026-12-02 05:00:00Z'
  const row = [id, 'complete', 'schedule', time, '6.4 s', '47,199', '0', '']
  const dispensable = ['TRIGGER', 'REJECTED', 'TOOK', 'LOADED']
  const shown = (error: string): string =>
    table([row.with(-1, error)], { header, columns: 80, dispensable })
  expect(shown('').split('\n')[1]).toBe(`${id}  complete  ${time}  6.4 s  47,199`)
  expect(shown('schema_drift_blocked').split('\n')[1]).toBe(
    `${id}  complete  ${time}  schema_drift_bl…`,
  )
  const name = 'a-connection-with-a-name-of-40-characters'.slice(0, 40)
  const wide = table([[name, 'x'.repeat(60)]], {
    header: ['NAME', 'TITLE'],
    columns: 60,
    dispensable,
  })
  expect(wide.split('\n')[1]).toBe(`${name}  ${'x'.repeat(17)}…`)
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
