import { describe, expect, test } from 'vitest'
import { arithmetic, type Operator } from '../../../manifest-interpreter/value/arithmetic.ts'
import { equals } from '../../../manifest-interpreter/value/equality.ts'
import { compare, sorted } from '../../../manifest-interpreter/value/ordering.ts'
import { PythonError } from '../../../manifest-interpreter/value/python-error.ts'
import { round } from '../../../manifest-interpreter/value/rounding.ts'
import { floatText, repr } from '../../../manifest-interpreter/value/text.ts'
import { PyFloat, PyTuple, type Value } from '../../../manifest-interpreter/value/value.ts'

type Case = [Value, Operator, Value, string]

describe('operators', () => {
  test.each([
    [7, '/', 2, '3.5'],
    [4, '/', 2, '2.0'],
    [-7, '//', 2, '-4'],
    [-7, '%', 3, '2'],
    [7, '%', -3, '-2'],
    [new PyFloat(7), '//', 2, '3.0'],
    [2, '**', 100, '1267650600228229401496703205376'],
    [2, '**', -1, '0.5'],
    [9007199254740991, '+', 1, '9007199254740992'],
    [2n ** 70n, '/', 3, '3.935305402391371e+20'],
    ['ab', '*', 2, "'abab'"],
    [[1], '+', [2], '[1, 2]'],
    [true, '+', true, '2'],
    [0.1, '+', 0.2, '0.30000000000000004'],
  ] satisfies Case[])('%s %s %s gives %s', (...[left, operator, right, result]: Case) => {
    expect(repr(arithmetic(operator, left, right))).toBe(result)
  })

  test.each([
    [1, '+', 'a', 'TypeError'],
    [1, '/', 0, 'ZeroDivisionError'],
    [9, '**', 387420489, 'LimitError'],
    ['x', '*', 1_000_000_000, 'LimitError'],
    [10, '**', new PyFloat(400), 'OverflowError'],
  ] satisfies Case[])('%s %s %s fails', (...[left, operator, right, kind]: Case) => {
    expect(() => arithmetic(operator, left, right)).toThrow(
      expect.objectContaining({ name: PythonError.name, kind }),
    )
  })
})

test('1, 1.0 and True are equal, a list and a tuple are not', () => {
  expect(equals(1, new PyFloat(1)) && equals(true, 1)).toBe(true)
  expect(equals([1], new PyTuple([1]))).toBe(false)
  expect(equals({ a: [1] }, new Map([['a', [new PyFloat(1)]]]))).toBe(true)
  expect(equals(2n ** 53n + 1n, new PyFloat(2 ** 53))).toBe(false)
})

test('texts are ordered by code points', () => {
  expect(compare('<', '\uffee', '😀')).toBe(true)
  expect(sorted(['b', 'A', 'c'])).toEqual(['A', 'b', 'c'])
  expect(() => compare('<', 1, 'a')).toThrow(PythonError)
})

test('floats are written as Python writes them', () => {
  expect([1e16, 1e22, 1e-5, 1e-4, 100, 1.5, -0, 5e-324].map(floatText)).toEqual([
    '1e+16',
    '1e+22',
    '1e-05',
    '0.0001',
    '100.0',
    '1.5',
    '-0.0',
    '5e-324',
  ])
})

test('halves are rounded to even', () => {
  expect([0.5, 1.5, 2.5].map((value) => repr(round(value, 0)))).toEqual(['0.0', '2.0', '2.0'])
  expect(repr(round(2.675, 2))).toBe('2.67')
  expect(repr(round(1250, -2))).toBe('1200')
})
