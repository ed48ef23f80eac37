import { describe, expect, it } from 'vitest'
import { bestMatch } from '../../../manifest-interpreter/config/json-schema/best-match.ts'
import { violations } from '../../../manifest-interpreter/config/json-schema/violations.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'
import { PyFloat } from '../../../manifest-interpreter/value/value.ts'

function messageOf(schema: Value, instance: Value): string | undefined {
  return bestMatch(violations(schema, instance))?.message
}

describe('messages are those of jsonschema', () => {
  it.each<[Value, Value, string]>([
    [{ type: ['string', 'null'] }, 1, "1 is not of type 'string', 'null'"],
    [{ required: ['a'] }, {}, "'a' is a required property"],
    [
      { additionalProperties: false },
      { b: 1, a: 1 },
      "Additional properties are not allowed ('a', 'b' were unexpected)",
    ],
    [
      { additionalProperties: false, patternProperties: { '^x': true } },
      { b: 1 },
      "'b' does not match any of the regexes: '^x'",
    ],
    [{ minLength: 1 }, '', "'' should be non-empty"],
    [{ maxItems: 1 }, [1, 2], '[1, 2] is too long'],
    [{ uniqueItems: true }, [1, new PyFloat(1)], '[1, 1.0] has non-unique elements'],
    [{ pattern: '^a' }, 'b', "'b' does not match '^a'"],
    [{ minimum: 2 }, 1, '1 is less than the minimum of 2'],
    [{ multipleOf: 2 }, 3, '3 is not a multiple of 2'],
    [{ const: { a: null } }, 1, "{'a': None} was expected"],
    [{ not: { type: 'null' } }, null, "None should not be valid under {'type': 'null'}"],
    [{ oneOf: [true, {}] }, 1, '1 is valid under each of {}, True'],
    [{ properties: { a: false } }, { a: 1 }, 'False schema does not allow 1'],
    [{ if: { type: 'string' }, then: { minLength: 2 } }, 'a', "'a' is too short"],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, "'b' is a dependency of 'a'"],
    [{ prefixItems: [true], items: false }, [1, 2], 'Expected at most 1 item but found 1 extra: 2'],
  ])('%j', (schema, instance, message) => {
    expect(messageOf(schema, instance)).toBe(message)
  })

  it('the deepest of what is wrong with alternatives is told', () => {
    const schema = {
      anyOf: [{ type: 'string' }, { properties: { a: { type: 'integer' } }, type: 'object' }],
    }
    expect(messageOf(schema, { a: 'x' })).toBe("'x' is not of type 'integer'")
  })
})

describe('schemas', () => {
  it('refer to their own parts', () => {
    const schema = { $defs: { n: { type: 'integer' } }, items: { $ref: '#/$defs/n' } }
    expect(messageOf(schema, [1, true])).toBe("True is not of type 'integer'")
  })

  it('that refer to themselves without end are refused', () => {
    expect(() => violations({ $ref: '#' }, 1)).toThrow('refers to itself')
  })

  it.each<[string, Value]>([
    ['a reference to elsewhere', { $ref: 'https://json.test/x' }],
    ['a type that there is not', { type: 'text' }],
    ['a keyword that is not supported', { unevaluatedProperties: false }],
  ])('%s is refused', (_name, schema) => {
    expect(() => violations(schema, {})).toThrow()
  })

  it('integers of any size are integers, floats without fraction too, booleans are not', () => {
    const big = parseJson('12345678901234567890')
    expect(messageOf({ type: 'integer' }, big)).toBeUndefined()
    expect(messageOf({ type: 'integer' }, new PyFloat(1))).toBeUndefined()
    expect(messageOf({ type: 'integer' }, true)).toBeDefined()
    expect(messageOf({ enum: [1] }, true)).toBe('True is not one of [1]')
  })
})
