import { describe, expect, it } from 'vitest'
import { bestMatch } from '../../../manifest-interpreter/config/json-schema/best-match.ts'
import { violationText } from '../../../manifest-interpreter/config/json-schema/violation.ts'
import { violations } from '../../../manifest-interpreter/config/json-schema/violations.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'
import { PyFloat } from '../../../manifest-interpreter/value/value.ts'

function messageOf(schema: Value, instance: Value): string | undefined {
  const worst = bestMatch(violations(schema, instance))
  return worst && violationText(worst)
}

describe('messages are those of jsonschema, without the value', () => {
  it.each<[Value, Value, string]>([
    [{ type: ['string', 'null'] }, 1, "The value is not of type 'string', 'null'"],
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
    [{ minLength: 1 }, '', 'The value should be non-empty'],
    [{ maxItems: 1 }, [1, 2], 'The value is too long'],
    [{ uniqueItems: true }, [1, new PyFloat(1)], 'The value has non-unique elements'],
    [{ pattern: '^a' }, 'b', "The value does not match '^a'"],
    // A dash after a range, and one at the end, are no ranges for Python.
    [{ pattern: '^[A-Z-a-z.-]+$' }, 'a-B.c!', "The value does not match '^[A-Z-a-z.-]+$'"],
    [{ minimum: 2 }, 1, 'The value is less than the minimum of 2'],
    [{ multipleOf: 2 }, 3, 'The value is not a multiple of 2'],
    [{ const: { a: null } }, 1, "{'a': None} was expected"],
    [{ not: { type: 'null' } }, null, "The value should not be valid under {'type': 'null'}"],
    [{ oneOf: [true, {}] }, 1, 'The value is valid under each of {}, True'],
    [{ properties: { a: false } }, { a: 1 }, 'The value is not allowed'],
    [{ if: { type: 'string' }, then: { minLength: 2 } }, 'a', 'The value is too short'],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, "'b' is a dependency of 'a'"],
    [{ prefixItems: [true], items: false }, [1, 2], 'Expected at most 1 item but found 1 extra'],
  ])('%j', (schema, instance, message) => {
    expect(messageOf(schema, instance)).toBe(message)
  })

  it('the deepest of what is wrong with alternatives is told', () => {
    const schema = {
      anyOf: [{ type: 'string' }, { properties: { a: { type: 'integer' } }, type: 'object' }],
    }
    expect(messageOf(schema, { a: 'x' })).toBe("/a: The value is not of type 'integer'")
  })
})

describe('schemas', () => {
  it('refer to their own parts', () => {
    const schema = { $defs: { n: { type: 'integer' } }, items: { $ref: '#/$defs/n' } }
    expect(messageOf(schema, [1, true])).toBe("/1: The value is not of type 'integer'")
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

  it('a pattern that cannot be used is refused with the field that it is for', () => {
    const schema = { properties: { a: { items: { pattern: '(' } } } }
    expect(() => violations(schema, { a: ['x'] })).toThrow('/a/0: A JSON schema of the manifest')
  })

  it('integers of any size are integers, floats without fraction too, booleans are not', () => {
    const big = parseJson('12345678901234567890')
    expect(messageOf({ type: 'integer' }, big)).toBeUndefined()
    expect(messageOf({ type: 'integer' }, new PyFloat(1))).toBeUndefined()
    expect(messageOf({ type: 'integer' }, true)).toBeDefined()
    expect(messageOf({ enum: [1] }, true)).toBe('The value is not one of [1]')
  })
})
