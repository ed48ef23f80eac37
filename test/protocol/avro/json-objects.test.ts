import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'
import { parseExact } from '../../../protocol/exact-json.ts'
import type { Column, ColumnKind, RecordData } from '../../../protocol/index.ts'

const emittedAtMs = 1_764_030_000_123
const kinds: readonly ColumnKind[] = [
  'string',
  'integer',
  'number',
  'double',
  'boolean',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timetz',
  'bytes',
  'json',
]

function encoder(columns: readonly Column[]): BlockEncoder {
  return new BlockEncoder({ columns, maxRecordBytes: 8 * 1024 * 1024, keyFields: ['a'] })
}

/** The objects as bytes with other bytes around them. */
function fromJson(columns: readonly Column[], texts: readonly string[]) {
  const bounds: number[] = []
  let joined = '  '
  for (const text of texts) {
    const start = Buffer.byteLength(joined)
    bounds.push(start, start + Buffer.byteLength(text))
    joined += `${text}, `
  }
  const subject = encoder(columns)
  const objects = { bytes: Buffer.from(joined), bounds }
  expect(subject.jsonObjects(objects, 0, emittedAtMs)).toBe(texts.length)
  return subject.take()
}

function fromObjects(columns: readonly Column[], texts: readonly string[]) {
  const subject = encoder(columns)
  const records = texts.map((text) => parseExact(text) as RecordData)
  expect(subject.records(records, 0, emittedAtMs)).toBe(texts.length)
  return subject.take()
}

function expectSame(columns: readonly Column[], texts: readonly string[]): void {
  const [bytes, objects] = [fromJson(columns, texts), fromObjects(columns, texts)]
  expect(Buffer.from(bytes?.bytes ?? []).toString('hex')).toBe(
    Buffer.from(objects?.bytes ?? []).toString('hex'),
  )
  expect(bytes?.count).toBe(objects?.count)
  expect(bytes?.keys).toEqual(objects?.keys)
}

const numberText = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '0',
    '-0',
    '-0.0',
    '1.0',
    '1e3',
    '1E+2',
    '0.0000001',
    '123456789012345.5',
    '2.50',
  ),
)
const stringText = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '""',
    '"\\u0041\\/\\n"',
    '"\\ud83d\\ude00"',
    '"\\udc00"',
    '"\\u0000"',
    '"2026-01-02"',
    '"2026-01-02T03:04:05Z"',
    '"2026-01-02T03:04:05.123456+02:00"',
    '"2026-01-02 03:04:05"',
    '"2026-01-02T03:04:05.10000000000000000000000000000000000Z"',
    '"03:04:05"',
    '"24:00:00.5"',
    '"infinity"',
    '"AAEC"',
  ),
)
const space = fc.constantFrom('', '', '', ' ', '\t\r\n ')
const valueText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    numberText,
    stringText,
    fc.constantFrom('true', 'false', 'null'),
    fc
      .tuple(space, fc.array(tie('value'), { maxLength: 3 }))
      .map(([gap, items]) => `[${gap}${items.join(`,${gap}`)}]`),
    fc
      .tuple(
        space,
        fc.uniqueArray(
          fc.tuple(fc.constantFrom('"x"', '"2"', '"1"', '"ü"', '"\\u0061"'), tie('value')),
          {
            maxLength: 3,
            selector: ([name]) => name,
          },
        ),
      )
      .map(
        ([gap, members]) =>
          `{${members.map(([name, value]) => `${name}:${gap}${value}`).join(',')}}`,
      ),
  ),
})).value

const names = ['a', 'b', 'ünïcode', 'constructor', '"quoted"', 'other', '7', '__proto__']
const recordText = fc
  .tuple(
    space,
    fc.uniqueArray(fc.tuple(fc.constantFrom(...names), valueText), {
      maxLength: 8,
      selector: ([name]) => name,
    }),
  )
  .map(
    ([gap, fields]) =>
      `{${gap}${fields.map(([name, value]) => `${JSON.stringify(name)}${gap}:${gap}${value}${gap}`).join(`,${gap}`)}}`,
  )
const anyColumns = fc
  .tuple(...['a', 'b', 'ünïcode', 'constructor', '"quoted"'].map(() => fc.constantFrom(...kinds)))
  .map((chosen) =>
    chosen.map((kind, index) => ({ name: names[index] ?? '', kind }) satisfies Column),
  )

describe('records as bytes of JSON', () => {
  test('give the bytes that objects give', () => {
    fc.assert(
      fc.property(anyColumns, fc.array(recordText, { minLength: 1, maxLength: 4 }), expectSame),
      { numRuns: 2_000 },
    )
  })

  test.each(kinds)('a column of kind %s takes each value as it does from an object', (kind) => {
    fc.assert(
      fc.property(valueText, (value) => {
        expectSame([{ name: 'a', kind }], [`{"a":${value}}`])
      }),
      { numRuns: 1_000 },
    )
  })

  test('a name that comes twice counts once, with its last value', () => {
    expectSame([{ name: 'a', kind: 'integer' }], ['{"a":1,"a":2}', '{"a":3,"b":1,"b":2}'])
  })

  test('what is no object, or more than one, is refused', () => {
    for (const text of ['[1]', '{"a":1', '{"a":1},"b":{}', '{"a":tru}', '{"a":01}', '{"a":"\n"}'])
      expect(() => fromJson([{ name: 'a', kind: 'json' }], [text]), text).toThrow(SyntaxError)
  })

  test('a full block leaves the rest', () => {
    const subject = new BlockEncoder({
      columns: [{ name: 'a', kind: 'integer' }],
      maxRecordBytes: 1_000,
      blockBytes: 20,
    })
    const bytes = Buffer.from('{"a":1}{"a":2}{"a":3}')
    const objects = { bytes, bounds: [0, 7, 7, 14, 14, 21] }
    const first = subject.jsonObjects(objects, 0, emittedAtMs)
    expect(first).toBe(2)
    expect(subject.take()?.count).toBe(2)
    expect(subject.jsonObjects(objects, first, emittedAtMs)).toBe(3)
  })
})
