import { describe, expect, test } from 'vitest'
import { inferredSchema, schemaMismatches } from '../../../engine/sandbox/inferred-schema.ts'
import { joinObserved } from '../../../engine/observed-fields.ts'

const declared = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    at: { type: 'string', format: 'date' },
    gone: { type: 'string' },
  },
}

describe('the schema that records really have', () => {
  test('has a property for each field, null where some records lack it', () => {
    const observed = [
      { name: 'id', types: { integer: 4 } },
      { name: 'amount', types: { integer: 1, number: 3 } },
      { name: 'at', types: { date: 3, null: 1 } },
      { name: 'mixed', types: { string: 1, 'date-time': 1, object: 1 } },
      { name: 'empty', types: { null: 2 } },
    ]
    expect(inferredSchema(declared, { observed, records: 4 })).toEqual({
      type: 'object',
      properties: {
        id: { type: 'integer' },
        amount: { type: 'number' },
        at: { type: ['null', 'string'], format: 'date' },
        mixed: { type: ['null', 'object', 'string'] },
        empty: { type: 'null' },
      },
    })
  })

  test('is the declared one where rows of a database were read, and unknown without records', () => {
    expect(inferredSchema(declared, { observed: [], records: 3 })).toEqual(declared)
    expect(inferredSchema(declared, { observed: [], records: 0 })).toBeNull()
  })

  test('differs from the declared one where fields are undeclared, missing or of another type', () => {
    const observed = [
      { name: 'id', types: { integer: 2, string: 1 } },
      { name: 'at', types: { date: 3 } },
      { name: 'new', types: { object: 2 } },
    ]
    const refused = [{ field: 'id', rows: 1 }]
    expect(schemaMismatches(declared, { observed, records: 3, refused })).toEqual([
      { field: 'id', kind: 'type', declared: 'integer', found: ['integer', 'string'], records: 1 },
      { field: 'new', kind: 'undeclared', declared: null, found: ['object'], records: 2 },
      { field: 'gone', kind: 'missing', declared: 'string', found: [], records: 3 },
    ])
  })

  test('is that of all attempts together', () => {
    const first = [{ name: 'id', types: { integer: 2 } }]
    const other = [
      { name: 'id', types: { integer: 1, null: 1 } },
      { name: 'more', types: { string: 1 } },
    ]
    expect(joinObserved({ fields: first, requests: 1 }, { fields: other, requests: 2 })).toEqual({
      fields: [
        { name: 'id', types: { integer: 3, null: 1 } },
        { name: 'more', types: { string: 1 } },
      ],
      requests: 3,
    })
  })
})
