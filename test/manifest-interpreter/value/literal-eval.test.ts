import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { literalEval } from '../../../manifest-interpreter/value/literal-eval.ts'
import { repr } from '../../../manifest-interpreter/value/text.ts'
import {
  PyFloat,
  PySet,
  PyTuple,
  float,
  type Value,
} from '../../../manifest-interpreter/value/value.ts'
import { anyText } from '../../support/any-text.ts'

describe('a text is evaluated as a literal of Python', () => {
  test.each([
    ['5', 5],
    ['-1', -1],
    ['- 1', -1],
    ['1_000', 1000],
    ['0x1F', 31],
    ['9007199254740993', 9007199254740993n],
    ['1.0', new PyFloat(1)],
    ['1e5', new PyFloat(100000)],
    ['.5', 0.5],
    ['None', null],
    ['True', true],
    ['[1, 2,]', [1, 2]],
    ['(1)', 1],
    ['1, 2', new PyTuple([1, 2])],
    ['(1,)', new PyTuple([1])],
    ['{1, 1.0, True}', new PySet([1])],
    ['set()', new PySet([])],
    ['\'a\' "b"', 'ab'],
    ["'\\x41\\u00e9\\n'", 'Aé\n'],
    ["r'\\n'", '\\n'],
    ["b'ab'", new Uint8Array([97, 98])],
    ['"""{"a": 1}"""', '{"a": 1}'],
    ["{'a': 1, 'b': [None]}", { a: 1, b: [null] }],
    [
      "{'2': 1, '1': 2}",
      new Map([
        ['2', 1],
        ['1', 2],
      ]),
    ],
    ['  1', 1],
    ['\n1', 1],
    ['1 # one', 1],
  ] satisfies [string, Value][])('%j', (text, value) => {
    expect(literalEval(text)).toEqual(value)
  })

  test.each([
    '01',
    '1__0',
    'true',
    'null',
    '2025-01-01',
    '2025-10-10',
    '12:30',
    '--1',
    '1 2',
    '[1',
    '{[]: 1}',
    "'a",
    "f'x'",
    'a.b',
    'x',
    '',
    ' ',
    '\n 1',
    "__import__('os')",
    '[x]',
    "'a' b'b'",
    '['.repeat(250) + ']'.repeat(250),
  ])('%j is none', (text) => {
    expect(literalEval(text)).toBeUndefined()
  })
})

const scalar = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 200n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(float),
  anyText().filter((text) => text.isWellFormed()),
)
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value')),
    fc.array(tie('value')).map((items) => new PyTuple(items)),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((items) => new Map(items)),
  ),
})).value

test('what repr writes is read back', () => {
  fc.assert(
    fc.property(value, (original) => {
      expect(repr(literalEval(repr(original)) ?? null)).toBe(repr(original))
    }),
  )
})

test('any text is a literal or none', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      literalEval(text)
      literalEval(`[${text}]`)
      literalEval(`'${text}`)
    }),
  )
})
