import { describe, expect, test } from 'vitest'
import { columnKinds } from '../../protocol/index.ts'
import {
  actualTypeOf,
  columnTypeOf,
  widenedType,
} from '../../sinks/postgres/tables/column-types.ts'

test.each([
  ['numeric(38,9)', 'number', 'numeric'],
  ['numeric(38,9)', 'integer', 'numeric'],
  ['character varying', 'string', undefined],
  ['character varying(10)', 'string', 'text'],
  ['timestamp(3) with time zone', 'timestamptz', 'timestamptz'],
  ['integer', 'integer', 'bigint'],
  ['integer', 'number', 'numeric'],
  ['real', 'double', 'numeric'],
  ['real', 'number', 'numeric'],
  ['double precision', 'double', undefined],
  ['double precision', 'number', 'numeric'],
  ['uuid', 'string', undefined],
  ['uuid', 'integer', 'text'],
  ['name', 'string', 'text'],
  ['"char"', 'string', 'text'],
  ['money', 'number', 'numeric'],
  ['money', 'string', 'text'],
  ['interval', 'string', undefined],
  ['interval(0)', 'string', 'interval'],
  ['interval day to second(3)', 'string', 'interval'],
  ['interval(0)[]', 'json', 'jsonb'],
  ['public."interval"', 'string', undefined],
  ['integer[]', 'json', 'jsonb'],
  ['json', 'json', undefined],
  ['timestamp with time zone', 'timestamp', 'text'],
] as const)('a column of type %s that is declared %s becomes %s', (formatted, kind, type) => {
  expect(widenedType(actualTypeOf(formatted), kind)).toBe(type)
})

test.each([
  ['uuid', undefined],
  ['inet', undefined],
  ['interval', 'text'],
  ['int4range', 'text'],
  ['public.hstore', 'text'],
] as const)('a column of type %s that is a key of texts becomes %s', (formatted, type) => {
  expect(widenedType(actualTypeOf(formatted), 'string', true)).toBe(type)
})

describe('any column takes any kind', () => {
  test('a column only gets wider: a second change back to the old kind changes nothing', () => {
    for (const first of columnKinds) {
      for (const second of columnKinds) {
        const held = columnTypeOf(first)
        const wider = widenedType({ held, limited: false }, second) ?? held
        const own = { held: wider, limited: false }
        expect([undefined]).toContain(widenedType(own, first) ?? widenedType(own, second))
      }
    }
  })
})
