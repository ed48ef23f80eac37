import { describe, expect, it } from 'vitest'
import { columnsOf, type JsonObject, type JsonValue } from '../../protocol/index.ts'

function kindOf(schema: JsonValue): string | undefined {
  return columnsOf({ type: 'object', properties: { field: schema } })[0]?.kind
}

describe('the columns of a stream', () => {
  it('stand in the order of the properties', () => {
    const schema: JsonObject = { properties: { b: { type: 'string' }, a: { type: 'integer' } } }
    expect(columnsOf(schema)).toEqual([
      { name: 'b', kind: 'string' },
      { name: 'a', kind: 'integer' },
    ])
  })

  it('are none where the schema has no properties', () => {
    expect(columnsOf({})).toEqual([])
    expect(columnsOf({ properties: [] })).toEqual([])
  })

  it('keep a property named __proto__', () => {
    const properties = Object.fromEntries([['__proto__', { type: 'string' }]])
    const schema: JsonObject = { properties }
    expect(columnsOf(schema)).toEqual([{ name: '__proto__', kind: 'string' }])
  })

  it.each<[string, JsonValue]>([
    ['boolean', { type: 'boolean' }],
    ['integer', { type: 'integer' }],
    ['integer', { type: 'number', airbyte_type: 'integer' }],
    ['number', { type: 'number' }],
    ['number', { type: 'number', airbyte_type: 'big_number' }],
    ['double', { type: 'number', airbyte_type: 'double' }],
    ['string', { type: 'string' }],
    ['string', { type: 'string', format: 'email' }],
    ['date', { type: 'string', format: 'date' }],
    ['timestamptz', { type: 'string', format: 'date-time' }],
    [
      'timestamptz',
      { type: 'string', format: 'date-time', airbyte_type: 'timestamp_with_timezone' },
    ],
    [
      'timestamp',
      { type: 'string', format: 'date-time', airbyte_type: 'timestamp_without_timezone' },
    ],
    ['timetz', { type: 'string', format: 'time' }],
    ['timetz', { type: 'string', format: 'time', airbyte_type: 'time_with_timezone' }],
    ['time', { type: 'string', format: 'time', airbyte_type: 'time_without_timezone' }],
    ['bytes', { type: 'string', contentEncoding: 'base64' }],
    ['json', { type: 'object' }],
    ['json', { type: 'array', items: { type: 'string' } }],
    ['json', { type: 'null' }],
    ['json', { type: ['string', 'integer'] }],
    ['json', { type: [] }],
    ['json', { type: 7 }],
    ['json', {}],
    ['json', true],
    ['json', false],
    ['json', null],
    ['integer', { type: ['null', 'integer'] }],
    ['string', { type: ['string', 'null'] }],
    ['date', { type: ['null', 'string'], format: 'date' }],
    ['date', { oneOf: [{ type: 'null' }, { type: 'string', format: 'date' }] }],
    ['integer', { anyOf: [{ type: ['null', 'integer'] }, { type: ['null'] }] }],
    ['json', { oneOf: [{ type: 'string' }, { type: 'integer' }] }],
    ['json', { oneOf: [{ type: 'null' }] }],
    ['json', { anyOf: 'nonsense' }],
  ])('are of kind %s for %j', (kind, schema) => {
    expect(kindOf(schema)).toBe(kind)
  })
})
