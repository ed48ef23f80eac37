import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ExactJsonParser,
  JsonError,
} from '../../../manifest-interpreter/value/exact-json-parser.ts'
import {
  parseJson,
  parsePlainJson,
  parseResponseJson,
} from '../../../manifest-interpreter/value/json.ts'
import { isPlainDict } from '../../../manifest-interpreter/value/dict.ts'
import { PyFloat } from '../../../manifest-interpreter/value/value.ts'
import { anyText } from '../../support/any-text.ts'

const exact = (text: string) => new ExactJsonParser(text, 'exact').parse()

/** Digits that round: many zeros and nines. */
const digits = fc
  .tuple(
    fc.constantFrom('0', '9', '1', ''),
    fc.nat(18),
    fc.nat({ max: 999_999 }).map(String),
    fc.boolean(),
  )
  .map(([digit, count, others, isFirst]) =>
    isFirst ? others + digit.repeat(count) : digit.repeat(count) + others,
  )
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits.map((whole) => whole.replace(/^0+(?=\d)/, '')),
    fc.option(digits),
    fc.option(fc.tuple(fc.constantFrom('e', 'E+', 'e-'), fc.nat(400))),
  )
  .map(([sign, whole, fraction, exponent]) =>
    [
      sign,
      whole,
      fraction === null ? '' : `.${fraction}`,
      exponent === null ? '' : exponent.join(''),
    ].join(''),
  )
const text = fc.oneof(
  anyText().map((value) => JSON.stringify(value)),
  fc.constantFrom('"12:30:00.000"', '": 10.0,"', '"1"', '"__proto__"', '"\\u0031"', '"\\u00e9"'),
)
const space = fc.constantFrom('', ' ', '\n  ', '\t')
const { document } = fc.letrec<{ document: string; value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    number,
    text,
    fc.constantFrom('null', 'true', 'false'),
    tie('document'),
  ),
  document: fc.oneof(
    fc
      .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
      .map(([gap, items]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
    fc
      .tuple(space, fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }))
      // JSON.parse may take a key with an escape for another one that it has seen.
      .map(([gap, members]) =>
        members.map(([key, value]) => `${key.replaceAll('\\', '')}${gap}:${gap}${value}`),
      )
      .map((members) => `{${members.join(',')}}`),
  ),
}))

describe('parseJson', () => {
  it('reads what JSON.parse reads otherwise as Python does', () => {
    fc.assert(
      fc.property(document, (source) => {
        expect(outcome(() => parseJson(source))).toEqual(outcome(() => exact(source)))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['1.0', new PyFloat(1)],
    ['[10.0]', [new PyFloat(10)]],
    ['{"a": 1e2}', { a: new PyFloat(100) }],
    ['[0.99999999999999999]', [new PyFloat(1)]],
    ['[901.99999999999999]', [new PyFloat(902)]],
    ['[0.33999999999999997]', [0.33999999999999997]],
    ['[-0]', [0]],
    ['[-0.0]', [new PyFloat(-0)]],
    ['[12345678901234567890]', [12_345_678_901_234_567_890n]],
    ['{"b": 1, "7": 2}', new Map<string, number>([['b', 1], ['7', 2]])], // prettier-ignore
    ['{"b": 1, "\\u0037": 2}', new Map<string, number>([['b', 1], ['7', 2]])], // prettier-ignore
    ['NaN', Number.NaN],
  ])('reads %s', (source, value) => {
    expect(parseJson(source)).toStrictEqual(value)
  })

  it.each([
    '["2024-01-05 10:00", "-0", "1e5", "12345678901234567890"]',
    '{"a1": 1, "b": 0.33999999999999997, "c": -12, "d": 1.25 }',
    '{"at": "2024-01-01T00:00:00.000Z", "id": "550e8400-e29b-41d4-a716-446655440000"}',
  ])('needs no parser of its own for %s', (source) => {
    expect(parsePlainJson(source)).toEqual(exact(source))
    expect(parsePlainJson(source)).toBeDefined()
  })

  it('keeps a key like __proto__ as an entry', () => {
    const value = parseJson('{"__proto__": {"x": 1.0}}')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(isPlainDict(value) && Object.hasOwn(value, '__proto__')).toBe(true)
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":1.0}}')
  })

  it('reads the keys of objects that follow each other, also with escapes', () => {
    const source = '[{"a\\\\":1.0,"b":2},{"a\\b":1,"b":2},{"b":3,"a":4}]'
    expect(parseJson(source)).toEqual([
      { 'a\\': new PyFloat(1), b: 2 },
      { 'a\b': 1, b: 2 },
      { b: 3, a: 4 },
    ])
  })

  it.each(['', '{', '[1,]', '{"a" 1}', '"\\x"', '"\n"', '01', '1.', '[1e]', 'nul', '[1] 2', '-'])(
    'refuses %j with the place of the error',
    (source) => {
      expect(() => parseJson(source)).toThrow(JsonError)
    },
  )

  it('refuses an integer with more digits than Python reads', () => {
    expect(() => parseJson(`[${'1'.repeat(4301)}]`)).toThrow(JsonError)
  })
})

describe('parseResponseJson', () => {
  it('reads an integer beyond 64 bits as a float', () => {
    expect(parseResponseJson('[18446744073709551616]')).toStrictEqual([new PyFloat(2 ** 64)])
    expect(parseResponseJson('[18446744073709551615]')).toStrictEqual([2n ** 64n - 1n])
  })

  it.each(['[NaN]', '["\\ud800"]', '[1e999]'])(
    'reads %s, which orjson refuses, as json.loads',
    (source) => {
      expect(parseResponseJson(source)).toEqual(exact(source))
    },
  )
})

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() }
  } catch (error) {
    return { error: error instanceof Error ? error.name : error }
  }
}
