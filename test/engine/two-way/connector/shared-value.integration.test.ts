import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  kindOfType,
  toSharedText,
  toVendorValue,
} from '../../../../engine/two-way/connector/shared-value.ts'
import { exactNumber } from '../../../../protocol/index.ts'
import { testDatabase } from '../../../support/postgres.ts'

test('numbers and times of a vendor have the texts that PostgreSQL has for them', async () => {
  await using database = await testDatabase()
  const digits = fc.stringMatching(/^-?\d{1,18}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?$/)
  const numbers = fc.sample(digits, { numRuns: 2_000, seed: 1 })
  const rows = await database.query(
    `SELECT trim_scale(n::numeric)::text AS text FROM unnest($1::text[]) WITH ORDINALITY u(n, i) ORDER BY i`,
    [numbers],
  )
  expect(numbers.map((text) => toSharedText('number', text))).toEqual(rows.map(({ text }) => text))
  const date = fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true })
  const times = fc
    .sample(fc.tuple(date, fc.constantFrom('Z', '+0000', '+05:30', '-0800')), {
      ...{ numRuns: 2_000, seed: 2 },
    })
    .map(([time, zone]) => time.toISOString().replace('Z', zone))
  const stored = await database.query(
    `SELECT to_char(t::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS text
     FROM unnest($1::text[]) WITH ORDINALITY u(t, i) ORDER BY i`,
    [times],
  )
  expect(times.map((time) => toSharedText('time', time))).toEqual(stored.map(({ text }) => text))
})

test('what a vendor gets is what it gave', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^-?\d{1,30}(?:\.\d{1,12})?$/), (text) => {
      const shared = toSharedText('number', exactNumber(text.replace(/^(-?)0+(?=\d)/, '$1')))
      expect(toSharedText('number', toVendorValue('number', shared))).toBe(shared)
    }),
  )
  expect(toVendorValue('boolean', 'true')).toBe(true)
  expect(toSharedText('boolean', false)).toBe('false')
  expect(toSharedText('clock', '08:30:00.500Z')).toBe('08:30:00.5')
  expect(toSharedText('clock', '08:30:00.000Z')).toBe('08:30:00')
  expect(toVendorValue('time', '2026-01-02T03:04:05.678901Z')).toBe('2026-01-02T03:04:05.678Z')
})

test.each([
  ['number', 'NaN'],
  ['number', ''],
  ['boolean', 'yes'],
  ['time', '2026-01-02'],
] as const)('a %s that is none is refused: %s', (kind, text) => {
  expect(() => toVendorValue(kind, text)).toThrow(TypeError)
})

test('types that are made of several values are no fields', () => {
  expect(['address', 'location', 'base64'].map(kindOfType)).toEqual(
    Array.from({ length: 3 }, () => undefined),
  )
  expect(['datetime', 'DateTime', 'double', 'picklist'].map(kindOfType)).toEqual([
    ...['time', 'time', 'number', 'text'],
  ])
})
