import { describe, expect, test } from 'vitest'
import { stringifyExact } from '../../../protocol/exact-json.ts'
import { toRecordValue } from '../../../manifest-interpreter/value/record-value.ts'
import { PyFloat, PyTuple, type Value } from '../../../manifest-interpreter/value/value.ts'

describe('a value of a record', () => {
  test('is the value itself if JSON has all that is in it', () => {
    const value: Value = { a: [1, 'x', null], b: { c: true } }
    expect(toRecordValue(value)).toBe(value)
  })

  test('keeps the point of a float, and a tuple becomes a list', () => {
    const value = toRecordValue({ pair: new PyTuple([1, new PyFloat(2)]) })
    expect(stringifyExact(value)).toBe('{"pair":[1,2.0]}')
  })

  test.each([
    ['alone', (bytes: Value) => bytes],
    ['in a list', (bytes: Value) => [1, bytes]],
    ['in an object of an object', (bytes: Value) => ({ a: { b: bytes } })],
    ['in a tuple', (bytes: Value) => new PyTuple([bytes])],
  ])('is refused if it is bytes, %s', (_where, holding) => {
    const bytes = new Uint8Array(Buffer.from('é'))
    expect(() => toRecordValue(holding(bytes))).toThrow('Type is not JSON serializable: bytes')
  })
})
