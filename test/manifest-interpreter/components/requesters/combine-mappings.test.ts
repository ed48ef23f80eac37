import { describe, expect, it } from 'vitest'
import { combineMappings } from '../../../../manifest-interpreter/components/requesters/combine-mappings.ts'
import { entries, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import type { Value } from '../../../../manifest-interpreter/value/value.ts'

function plain(value: Value): unknown {
  if (!isDict(value)) return value
  return Object.fromEntries(entries(value).map(([key, item]) => [key, plain(item)]))
}

const flat = { nested: false }
const nested = { nested: true }

describe('mappings of a request', () => {
  it('are one mapping, absent and empty ones do not count', () => {
    expect(plain(combineMappings([{ a: 1 }, null, {}, undefined, { b: 2 }], flat))).toEqual({
      a: 1,
      b: 2,
    })
    expect(plain(combineMappings([], flat))).toEqual({})
  })

  it('may not set the same key, even to the same value', () => {
    expect(() => combineMappings([{ a: 1 }, { a: 1 }], flat)).toThrow(
      'Request body collision, duplicate keys detected at key path: a. Please ensure that all keys in the request are unique.',
    )
  })

  it('of a JSON body agree on equal values and merge dicts at any depth', () => {
    const first = { a: { b: { c: 1 } }, d: [1] }
    const combined = combineMappings([first, { a: { b: { c: 1, e: 2 } }, d: [1] }], nested)
    expect(plain(combined)).toEqual({ a: { b: { c: 1, e: 2 } }, d: [1] })
    expect(first).toEqual({ a: { b: { c: 1 } }, d: [1] })
  })

  it('of a JSON body name the path where they differ', () => {
    expect(() => combineMappings([{ a: { b: 1 } }, { a: { b: 2 } }], nested)).toThrow(
      'key path: a.b.',
    )
  })

  it('may be one text, which stands alone', () => {
    expect(combineMappings(['text', {}, null], flat)).toBe('text')
    expect(() => combineMappings(['a', 'b'], flat)).toThrow(
      'Cannot combine multiple string options',
    )
    expect(() => combineMappings(['a', { b: 1 }], flat)).toThrow(
      'Cannot combine multiple options if one is a string',
    )
  })
})
