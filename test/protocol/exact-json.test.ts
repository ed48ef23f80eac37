import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  exactNumber,
  isRawJson,
  parseDigits,
  parseExact,
  parseExactJson,
  rawJson,
  stringifyExact,
} from '../../protocol/index.ts'

describe('exact JSON', () => {
  it.each<[string, unknown]>([
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
    ['1.5', 1.5],
    ['1.10', 1.1],
    ['0.30000000000000004', 0.30000000000000004],
    ['1e20', 1e20],
    ['-0', -0],
    ['0.0000000000000000000000', 0],
    ['{"a":[9007199254740993,{"b":1}]}', { a: [9007199254740993n, { b: 1 }] }],
    ['{"id":"90071992547409939007199254740993"}', { id: '90071992547409939007199254740993' }],
  ])('%s is read without a loss', (text, value) => {
    expect(parseExact(text)).toEqual(value)
  })

  it.each([
    '0.1000000000000000055',
    '1e400',
    '-1e-400',
    '12345678901234567.5',
    '0.1234567890123456789e5',
  ])('%s keeps its digits, which a double would change', (text) => {
    expect(isRawJson(parseExact(text))).toBe(true)
    expect(stringifyExact(parseExact(`{"a":[${text}]}`))).toBe(`{"a":[${text}]}`)
  })

  it('reads the numbers of a document as each of them is read alone', () => {
    const digits = fc.stringMatching(/^(?:0|[1-9][0-9]{0,24})$/)
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits,
        fc.option(fc.stringMatching(/^\.[0-9]{1,22}$/), { nil: '' }),
        fc.option(fc.stringMatching(/^[eE][+-]?[0-9]{1,4}$/), { nil: '' }),
      )
      .map((parts) => parts.join(''))
    const item = fc.oneof(number, fc.double({ noDefaultInfinity: true, noNaN: true }).map(String))
    fc.assert(
      fc.property(fc.array(item), fc.string(), (numbers, text) => {
        const document = `[${JSON.stringify(text)},{"a":[${numbers.join(', ')}]}]`
        expect(parseExact(document)).toEqual([text, { a: numbers.map(exactNumber) }])
      }),
    )
  })

  it('keeps a property named __proto__ beside a large number', () => {
    const text = '{"__proto__":{"a":9007199254740993}}'
    expect(stringifyExact(parseExact(text))).toBe(text)
  })

  it('throws a SyntaxError for what is not JSON', () => {
    expect(() => parseExact('{')).toThrow(SyntaxError)
    expect(() => parseExact('[9007199254740993')).toThrow(SyntaxError)
  })

  it('writes what JSON has no form for as Postgres does, and leaves undefined out', () => {
    const value = {
      big: 2n ** 70n,
      raw: rawJson('1.00'),
      not: [NaN, Infinity, -Infinity],
      bytes: new Uint8Array([1, 2]),
      gone: undefined,
      half: '\ud800',
      nul: '\u0000',
    }
    expect(stringifyExact(value)).toBe(
      '{"big":1180591620717411303424,"raw":1.00,"not":["NaN","Infinity","-Infinity"],"bytes":"AQI=","half":"\\ud800","nul":"\\u0000"}',
    )
    expect(stringifyExact({ a: undefined, b: 1 })).toBe('{"b":1}')
    expect(stringifyExact({ rawJSON: 'an ordinary property' })).toBe(
      '{"rawJSON":"an ordinary property"}',
    )
  })

  it('reads and writes every JSON value as JSON itself does where nothing is lost', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(stringifyExact(parseExact(text))).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })

  it('gives back the digits of any decimal', () => {
    const decimal = fc
      .tuple(fc.bigInt(), fc.nat({ max: 999_999_999 }), fc.integer({ min: -30, max: 30 }))
      .map(([whole, fraction, exponent]) => `${whole}.${fraction}e${exponent}`)
    fc.assert(
      fc.property(decimal, (text) => {
        const value = exactNumber(text)
        const [written, original] = [stringifyExact(value), text].map(asFraction)
        expect(written).toEqual(original)
      }),
    )
  })
})

describe('parseExactJson', () => {
  it('parses what JSON.stringify writes with the same digits', () => {
    const text =
      '{"a":[9007199254740993,-123456789012345678901234567890,1e400,0.1000000000000000055,1.5],"b":"9007199254740993"}'
    expect(JSON.stringify(parseExactJson(text))).toBe(text)
  })

  it('parses all other JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.stringify(parseExactJson(text))).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })
})

/** A decimal as digits without trailing zeros and an exponent. */
function asFraction(text: string): [bigint, number] {
  const [mantissa = '', exponent = '0'] = text.split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  let digits = BigInt(whole + fraction)
  let power = Number(exponent) - fraction.length
  if (digits === 0n) return [0n, 0]
  for (; digits % 10n === 0n; digits /= 10n) power++
  return [digits, power]
}

describe('digits', () => {
  it.each([
    ['1.000', '1.000'],
    ['-0.10', '-0.10'],
    ['1e2', '1e2'],
    ['{"a":[1.50,7,"1.0"],"b":9007199254740993}', '{"a":[1.50,7,"1.0"],"b":9007199254740993}'],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['-0', '0'],
    ['1.5', '1.5'],
  ])('of %s stay', (text, printed) => {
    expect(stringifyExact(parseDigits(text))).toBe(printed)
  })

  it('that are printed by themselves need no RawJson', () => {
    expect(parseDigits('[1.5,7,-2]')).toEqual([1.5, 7, -2])
  })
})
