import { describe, expect, test } from 'vitest'
import { parsePostgresType } from '../../protocol/index.ts'
import { enumNames, statementsForLabels } from '../../sinks/postgres/tables/enum-types.ts'
import { builtInType, holdsAll } from '../../sinks/postgres/tables/source-types.ts'

test.each([
  ['integer', 'smallint', true],
  ['smallint', 'integer', false],
  ['numeric', 'bigint', true],
  ['numeric(10,2)', 'integer', false],
  ['numeric(12,2)', 'integer', true],
  ['numeric(12,3)', 'numeric(10,2)', true],
  ['numeric(12,4)', 'numeric(10,1)', false],
  ['numeric(10,2)', 'numeric', false],
  ['character varying(50)', 'character varying(20)', true],
  ['character varying', 'text', true],
  ['text', 'character(5)', false],
  ['timestamp without time zone', 'timestamp(3) without time zone', true],
  ['timestamp with time zone', 'timestamp without time zone', false],
  ['double precision', 'real', true],
  ['double precision', 'bigint', false],
  ['bigint[]', 'integer[]', true],
  ['bigint[]', 'integer', false],
  ['text', 'uuid', false],
])('whether %s holds all of %s: %s', (to, from, holds) => {
  expect(holdsAll(to, from)).toBe(holds)
})

test.each(['int); DROP TABLE t; --', 'regclass', 'uuid; x', 'public.thing', '"a"', 'text[]'])(
  'the name %s is no type that gets into SQL',
  (name) => {
    expect(parsePostgresType({ name })).toBeUndefined()
  },
)

test('a built-in type is the catalog’s on every search path', () => {
  const sqlOf = (name: string): string | undefined => {
    const type = parsePostgresType({ name, array: true })
    return type && builtInType(type).sql
  }
  expect(sqlOf('uuid')).toBe('pg_catalog.uuid[]')
  expect(sqlOf('interval day to second(2)')).toBe('interval day to second(2)[]')
  expect(sqlOf('"char"')).toBe('pg_catalog."char"[]')
})

describe('an enum of the destination', () => {
  const mood = { schema: 's', name: 'mood', formatted: 's.mood', labels: ['b', 'd'], isOwned: true }
  const all = { mayHaveMore: false }

  test('gets the labels that it lacks, in their order', () => {
    expect(statementsForLabels(mood, ['a', 'b', 'c', 'd'], all)).toEqual([
      `ALTER TYPE "s"."mood" ADD VALUE 'a' BEFORE 'b'`,
      `ALTER TYPE "s"."mood" ADD VALUE 'c' AFTER 'b'`,
    ])
  })

  test.each([
    ['labels in another order', mood, ['d', 'b']],
    ['labels that are not the source’s', mood, ['b']],
    ['another owner', { ...mood, isOwned: false }, ['b', 'c', 'd']],
    ['no labels: it is no enum', { ...mood, labels: null }, ['b', 'd']],
  ])('is not used if it has %s', (_, present, labels) => {
    expect(statementsForLabels(present, labels, all)).toBeUndefined()
  })

  test('has a name of at most 63 bytes', () => {
    expect(enumNames('é'.repeat(31)).map((name) => Buffer.byteLength(name) <= 63)).not.toContain(
      false,
    )
    expect(enumNames('mood').slice(0, 3)).toEqual(['mood', 'mood_2', 'mood_3'])
  })
})
