import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts'
import {
  columnNames,
  derivedName,
  derivedTable,
  identifierOf,
  tableIdentifierOf,
} from '../../sinks/postgres/tables/identifiers.ts'
import { anyText } from '../support/any-text.ts'

const bytes = (text: string): number => Buffer.byteLength(text)

describe('names of columns', () => {
  test('legal ones stay, and never two are the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText({ maxLength: 90 })), (names) => {
        const columns = columnNames(names)
        expect(new Set(columns).size).toBe(names.length)
        for (const column of columns) {
          expect(bytes(column)).toBeLessThanOrEqual(63)
          expect(column).not.toBe('')
          expect(column).not.toContain('\0')
          expect(column.isWellFormed()).toBe(true)
        }
      }),
    )
  })

  test('a long name does not depend on its neighbours, and one that is taken gives way', () => {
    const long = 'é'.repeat(40)
    const [alone = ''] = columnNames([long])
    expect(columnNames(['a', long, 'b'])[1]).toBe(alone)
    const [kept, moved] = columnNames([alone, long])
    expect(kept).toBe(alone)
    expect(moved).not.toBe(alone)
  })

  test('the names of Postgres and of the metadata are not taken', () => {
    expect(columnNames(['ctid', '_airbyte_raw_id', 'Ctid'])).toEqual([
      expect.stringMatching(/^ctid_[0-9a-f]{8}$/),
      expect.stringMatching(/^_airbyte_raw_id_[0-9a-f]{8}$/),
      'Ctid',
    ])
  })
})

test('long tables with the same beginning stay apart, and so do their stages', () => {
  const [left, right] = ['1', '2'].map((end) => identifierOf('t'.repeat(70) + end))
  expect(left).not.toBe(right)
  const stages = [left, right].map((table = '') => derivedTable({ schema: 's', table }, 'stage'))
  expect(new Set(stages.map(({ table }) => table)).size).toBe(2)
  for (const { table } of stages) expect(bytes(table)).toBeLessThanOrEqual(63)
})

test('tables whose names are made so that a short hash is the same have stages of their own', () => {
  // Found among 52,000 names: the 47 bytes at their beginning and the first 8 digits of their hash are the
  // same.
  const names = ['000000000000b40a', '000000000000c9d6'].map((end) => 'p'.repeat(47) + end)
  const short = names.map((table) => derivedName({ schema: 'wc', table }, 'stage'))
  expect(short[0]).toBe(short[1])
  const [left, right] = names.map((table) => derivedTable({ schema: 'wc', table }, 'stage'))
  expect(left?.table).not.toBe(right?.table)
  expect(left?.table).toMatch(/__stage_[0-9a-f]{32}$/)
  expect(bytes(left?.table ?? '')).toBe(63)
})

test('quotes are doubled, and backslashes are text', () => {
  expect(quoteIdentifier('a"b')).toBe('"a""b"')
  expect(quoteLiteral("a'b\\c")).toBe(String.raw`E'a''b\\c'`)
})

test('a table never has the name of a stage or of a key index', () => {
  const isDerived = (name: string) => /__(?:stage|key|before)_[0-9a-f]{8,32}$/.test(name)
  for (const table of ['t', 'ä'.repeat(40)])
    for (const taken of [
      derivedTable({ schema: 's', table }, 'stage').table,
      derivedTable({ schema: 's', table }, 'before').table,
      derivedName({ schema: 's', table }, 'key'),
    ]) {
      expect(isDerived(taken)).toBe(true)
      expect(isDerived(tableIdentifierOf(taken))).toBe(false)
      expect(tableIdentifierOf(tableIdentifierOf(taken))).toBe(tableIdentifierOf(taken))
    }
  // Its first 54 bytes end in `__stage`: with a hash of 8 digits it would be such a name again.
  const long = `${'x'.repeat(47)}__stage_and_more_of_it`
  expect(isDerived(tableIdentifierOf(long))).toBe(false)
  expect(tableIdentifierOf('t__stage')).toBe('t__stage')
})
