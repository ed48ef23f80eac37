import { expect, test } from 'vitest'
import { addRange } from '../../connectors/postgres/range-again.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'

const stateOf = (type: string): JsonObject => ({
  kind: 'cursor',
  field: 'u',
  type,
  cursor: '9',
  boundary: { kind: 'rows', hashes: '' },
})
const zoned = 'timestamp with time zone'
const local = 'timestamp(3) without time zone'

function asked(type: string, from: string | null, to: string | null): string {
  try {
    const range = addRange(stateOf(type), { from, to }, 'orders')
    return `${String(range.from)} to ${String(range.to)}`
  } catch (error) {
    return ConnectError.from(error).message
  }
}

test.each([
  ['integer', '-5', '+7', '-5 to 7'],
  ['numeric(10,2)', '1.50', null, '1.50 to null'],
  ['date', '2026-02-28', '2026-02-28', '2026-02-28 to 2026-02-28'],
  [local, '2026-01-31', '2026-01-31T18:30', '2026-01-31 00:00:00 to 2026-01-31 18:30:00'],
  [
    zoned,
    '2026-01-31',
    '2026-01-31T18:30:00.5Z',
    '2026-01-31 00:00:00+00 to 2026-01-31 18:30:00.5+00',
  ],
  [zoned, null, '2026-01-31 18:30:00+02:00', 'null to 2026-01-31 18:30:00+02:00'],
  ['text COLLATE "C"', 'a', "b'", "a to b'"],
  ['integer', 'x', null, 'stream orders: from: "x" is no integer'],
  ['smallint', null, '40000', 'stream orders: to: "40000" is no smallint'],
  ['date', '2026-02-29', null, 'stream orders: from: "2026-02-29" is no date'],
  [zoned, '2026-13-01', null, `stream orders: from: "2026-13-01" is no ${zoned}`],
  [
    local,
    '2026-01-01T00:00:00Z',
    null,
    `stream orders: from: "2026-01-01T00:00:00Z" is no ${local}`,
  ],
  ['integer', '7', '6', 'stream orders: to: 6 is before 7'],
  [
    zoned,
    '2026-01-01T01:00:00+02:00',
    '2025-12-31T22:59:59Z',
    'stream orders: to: 2025-12-31 22:59:59+00 is before 2026-01-01 01:00:00+02:00',
  ],
])('a range of %s from %s to %s', (type, from, to, expected) => {
  expect(asked(type, from, to)).toBe(expected)
})

test('a type without a known text form is refused, and the same range is stored once', () => {
  expect(asked('inet', '::1', null)).toContain('the cursor u has the type inet')
  const range = { from: '1', to: null }
  const once = addRange(stateOf('integer'), range, 'orders').state
  expect(once).toMatchObject({ cursor: '9', again: [{ why: 'asked', from: '1', to: null }] })
  expect(addRange(once, range, 'orders').state).toEqual(once)
})
