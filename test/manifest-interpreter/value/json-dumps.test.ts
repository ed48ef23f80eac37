import { expect, test } from 'vitest'
import { dumpJson } from '../../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import { PythonError } from '../../../manifest-interpreter/value/python-error.ts'
import { toRecordValue } from '../../../manifest-interpreter/value/record-value.ts'
import { PyFloat, PySet, PyTuple, type Value } from '../../../manifest-interpreter/value/value.ts'

test('JSON is written with the separators and escapes of Python', () => {
  const value = new Map<string, Value>([
    ['b', new PyTuple([1, new PyFloat(1)])],
    ['a', 'é☃😀'],
  ])
  expect(dumpJson(value)).toBe('{"b": [1, 1.0], "a": "\\u00e9\\u2603\\ud83d\\ude00"}')
  expect(dumpJson(value, { ensureAscii: false, sortKeys: true, separators: [',', ':'] })).toBe(
    '{"a":"é☃😀","b":[1,1.0]}',
  )
  expect(dumpJson({ a: [1] }, { indent: 2 })).toBe('{\n  "a": [\n    1\n  ]\n}')
})

test('an own property __proto__ is a key like others', () => {
  const value = parseJson('{"__proto__": 1, "a": 1.0}')
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(dumpJson(value)).toBe('{"__proto__": 1, "a": 1.0}')
})

test('what JSON cannot hold is a TypeError', () => {
  expect(() => dumpJson(new PySet([1]))).toThrow(PythonError)
})

test('a record without special values is emitted as it is, not copied', () => {
  const record = { a: [1, 'x', { b: null }], c: 2n ** 60n }
  expect(toRecordValue(record)).toBe(record)
  expect(JSON.stringify(toRecordValue({ a: new PyFloat(1) }))).toBe('{"a":1.0}')
})
