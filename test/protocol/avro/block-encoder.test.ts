import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BlockEncoder,
  decodeBlock,
  forAvsc,
  frameBlock,
  rawJson,
  recordSchemaOf,
  stringifyExact,
  wireSchema,
  type BlockEncoderOptions,
  type Column,
  type ColumnKind,
  type EncodedBlock,
  type RecordData,
  type RecordValue,
} from '../../../protocol/index.ts'
import { anyText } from '../../support/any-text.ts'

const emittedAtMs = 1_764_030_000_123

function encoder(
  columns: readonly Column[],
  more: Partial<BlockEncoderOptions> = {},
): BlockEncoder {
  return new BlockEncoder({ columns, maxRecordBytes: 8 * 1024 * 1024, ...more })
}

function taken(block: EncodedBlock | undefined): EncodedBlock {
  if (block === undefined) throw new TypeError('there is no block')
  return block
}

function encodeObjects(columns: readonly Column[], records: readonly RecordData[]): EncodedBlock {
  const subject = encoder(columns, { blockBytes: 4096 })
  expect(subject.records(records, 0, emittedAtMs)).toBe(records.length)
  return taken(subject.take())
}

function encodeCopy(columns: readonly Column[], lines: string | Buffer): EncodedBlock {
  const subject = encoder(columns, { blockBytes: 4096 })
  const bytes = Buffer.from(lines)
  expect(subject.copyText(bytes, 0, emittedAtMs)).toBe(bytes.length)
  return taken(subject.take())
}

function roundTrip(columns: readonly Column[], record: RecordData): RecordData | undefined {
  const { bytes, count } = encodeObjects(columns, [record])
  return decodeBlock(bytes, count, columns)[0]?.data
}

/** The value of a column `c` after the object path. */
function through(kind: ColumnKind, value: RecordValue): RecordValue | undefined {
  return roundTrip([{ name: 'c', kind }], { c: value })?.c
}

/** The value of a column `c` after the COPY path; `field` is the field as COPY writes it. */
function throughCopy(kind: ColumnKind, field: string | Buffer): RecordValue | undefined {
  const columns = [{ name: 'c', kind }]
  const block = encodeCopy(columns, Buffer.concat([Buffer.from(field), Buffer.from('\n')]))
  return decodeBlock(block.bytes, 1, columns)[0]?.data.c
}

/**
 * Returns the content of the overflow map for a column `c` as encoded; undefined if the field itself has the
 * value.
 */
function overflowOf(kind: ColumnKind, block: EncodedBlock): unknown {
  const type = avro.Type.forSchema(forAvsc(recordSchemaOf({ name: 's' }, [{ name: 'c', kind }])), {
    typeHook: (schema) => (isLong(schema) ? anyLong() : undefined),
  })
  const record: unknown = type.fromBuffer(Buffer.from(block.bytes))
  const { c, _airbyte_overflow: overflow } = record as {
    c: unknown
    _airbyte_overflow: Record<string, string | null> | null
  }
  if (overflow !== null) expect(c).toBeNull()
  return overflow === null ? undefined : overflow.c
}

function isLong(schema: avro.Schema): boolean {
  return (
    schema === 'long' || (typeof schema === 'object' && 'type' in schema && schema.type === 'long')
  )
}

function anyLong(): avro.Type {
  return avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => Buffer.from(new BigInt64Array([value]).buffer),
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (left: bigint, right: bigint) => Number(left - right),
  })
}

/** As COPY TO writes a value; the reference is the PostgreSQL manual, "COPY, Text Format". */
function copyField(kind: ColumnKind, value: RecordValue): string {
  if (value === null) return '\\N'
  if (kind === 'boolean') return value === true ? 't' : 'f'
  if (kind === 'json') return copyEscape(JSON.stringify(value, null, 1))
  if (value instanceof Uint8Array) return `\\\\x${Buffer.from(value).toString('hex')}`
  if (typeof value === 'string') return copyEscape(value)
  // Postgres prints a double of 16 digits and more with an exponent.
  if (kind === 'double' && Object.is(value, -0)) return '-0'
  if (kind === 'double' && Math.abs(Number(value)) >= 1e15) return Number(value).toExponential()
  return typeof value === 'object' ? stringifyExact(value) : String(value)
}

function copyEscape(text: string): string {
  const letters: Record<string, string> = {
    '\b': 'b',
    '\f': 'f',
    '\n': 'n',
    '\r': 'r',
    '\t': 't',
    '\v': 'v',
    '\\': '\\',
  }
  return text.replace(/[\b\f\n\r\t\v\\]/g, (letter) => `\\${letters[letter] ?? ''}`)
}

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

describe('a value that its column can hold', () => {
  it.each<[ColumnKind, RecordValue, string, RecordValue?]>([
    ['boolean', true, 't'],
    ['boolean', false, 'f'],
    ['integer', 0, '0'],
    ['integer', -1, '-1'],
    ['integer', 63, '63'],
    ['integer', -64, '-64'],
    ['integer', 64, '64'],
    ['integer', 2 ** 31, '2147483648'],
    ['integer', -(2 ** 31), '-2147483648'],
    ['integer', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['integer', 9007199254740993n, '9007199254740993'],
    ['integer', -9007199254740993n, '-9007199254740993'],
    ['integer', MAX_INT64, '9223372036854775807'],
    ['integer', MIN_INT64, '-9223372036854775808'],
    ['integer', 2 ** 60, '1152921504606846976', 2n ** 60n],
    ['integer', rawJson('9007199254740993'), '9007199254740993', 9007199254740993n],
    ['number', 12.5, '12.5'],
    ['number', rawJson('0.1000000000000000055'), '0.1000000000000000055'],
    ['number', 2n ** 63n, '9223372036854775808'],
    ['number', 1e21, '1e+21'],
    ['number', rawJson(`0.${'123456789'.repeat(12)}`), `0.${'123456789'.repeat(12)}`],
    ['number', NaN, 'NaN'],
    ['number', Infinity, 'Infinity'],
    ['number', -Infinity, '-Infinity'],
    ['double', 0.1, '0.1'],
    ['double', -0, '-0'],
    ['double', 1e20, '1e+20'],
    ['double', 5e-324, '5e-324'],
    ['double', 1.7976931348623157e308, '1.7976931348623157e+308'],
    ['double', NaN, 'NaN'],
    ['double', Infinity, 'Infinity'],
    ['double', -Infinity, '-Infinity'],
    ['double', 9007199254740992n, '9007199254740992', 2 ** 53],
    ['string', '', ''],
    ['string', 'a\tb\nc\\d\re\bf\fg\vh', 'a\\tb\\nc\\\\d\\re\\bf\\fg\\vh'],
    ['string', 'Zürich 東京 😀', 'Zürich 東京 😀'],
    ['string', '\\N', '\\\\N'],
    ['string', 'x'.repeat(63), 'x'.repeat(63)],
    ['string', 'x'.repeat(64), 'x'.repeat(64)],
    ['string', 'é'.repeat(5000), 'é'.repeat(5000)],
    ['string', 'x'.repeat(8191), 'x'.repeat(8191)],
    ['string', 'x'.repeat(8192), 'x'.repeat(8192)],
    ['string', 'x'.repeat(1048576), 'x'.repeat(1048576)],
    ['string', 'nul \u0000 kept', 'nul \u0000 kept'],
    ['date', '1970-01-01', '1970-01-01'],
    ['date', '0001-01-01', '0001-01-01'],
    ['date', '9999-12-31', '9999-12-31'],
    ['date', '2024-02-29', '2024-02-29'],
    ['timestamptz', '1969-12-31T23:59:59.999999Z', '1969-12-31 23:59:59.999999+00'],
    ['timestamptz', '0001-01-01T00:00:00Z', '0001-01-01 00:00:00+00'],
    ['timestamptz', '9999-12-31T23:59:59.999999Z', '9999-12-31 23:59:59.999999+00'],
    ['timestamptz', '2024-06-01T12:00:00.5Z', '2024-06-01 12:00:00.5+00'],
    [
      'timestamptz',
      '2024-06-01T12:00:00+05:30',
      '2024-06-01 12:00:00+05:30',
      '2024-06-01T06:30:00Z',
    ],
    ['timestamptz', '2024-06-01T00:00:00-0800', '2024-06-01 00:00:00-08', '2024-06-01T08:00:00Z'],
    ['timestamptz', '2024-06-01T12:00:00', '2024-06-01 12:00:00', '2024-06-01T12:00:00Z'],
    [
      'timestamptz',
      '2024-06-01t12:00:00.123456000z',
      '2024-06-01 12:00:00.123456000Z',
      '2024-06-01T12:00:00.123456Z',
    ],
    ['timestamp', '0001-01-01T00:00:00', '0001-01-01 00:00:00'],
    ['timestamp', '9999-12-31T23:59:59.999999', '9999-12-31 23:59:59.999999'],
    ['timestamp', '1969-12-31T23:59:59.000001', '1969-12-31 23:59:59.000001'],
    ['timetz', '12:00:00+02', '12:00:00+02'],
    ['time', '00:00:00', '00:00:00'],
    ['time', '24:00:00', '24:00:00'],
    ['time', '23:59:59.999999', '23:59:59.999999'],
    ['bytes', new Uint8Array([0, 65, 255]), '\\\\x0041ff'],
    ['bytes', new Uint8Array(0), '\\\\x'],
    ['bytes', 'AEH/', '\\\\x0041ff', new Uint8Array([0, 65, 255])],
    ['json', { a: [1, { b: 'x y' }], c: null }, '{"a": [1, {"b": "x y"}], "c": null}'],
    ['json', 'text', '"text"'],
    ['json', 9007199254740993n, '9007199254740993'],
    ['json', [rawJson('0.1000000000000000055')], '[0.1000000000000000055]'],
    ['json', { q: 'a "b" \\ c' }, '{"q": "a \\\\"b\\\\" \\\\\\\\ c"}'],
    ['json', { z: '\u0000' }, '{"z": "\\\\u0000"}'],
    ['json', { s: '\ud800' }, '{"s": "\\\\ud800"}'],
    ['json', {}, '{\\n}'],
  ])('%s %o survives both roads, which give the same bytes', (...row) => {
    const [kind, value, field] = row
    const expected = row.length === 4 ? row[3] : value
    const columns = [{ name: 'c', kind }]
    const fromObject = encodeObjects(columns, [{ c: value }])
    const fromCopy = encodeCopy(columns, `${field}\n`)
    expect(overflowOf(kind, fromObject)).toBeUndefined()
    expect(through(kind, value)).toEqual(expected)
    expect(Buffer.from(fromCopy.bytes)).toEqual(Buffer.from(fromObject.bytes))
  })

  it('of a whole table is decoded by any Avro reader with the published schema', () => {
    const columns: Column[] = [
      { name: 'id', kind: 'integer' },
      { name: 'odd name', kind: 'timestamptz' },
      { name: 'price', kind: 'number' },
      { name: 'data', kind: 'json' },
    ]
    const schema = wireSchema({ namespace: 'shop', name: 'orders' }, columns)
    const { bytes, count } = encodeCopy(
      columns,
      '1\t1970-01-01 00:00:01+00\t12.50\t{"a": 1}\n2\t\\N\t\\N\t\\N\n',
    )
    const value = Buffer.concat(frameBlock(schema.fingerprint, count, bytes))
    expect([...value.subarray(0, 10)]).toEqual([0xc3, 0x01, ...schema.fingerprint.bytes])
    const records: unknown = avro.Type.forSchema(forAvsc(schema.blockSchema)).fromBuffer(
      Buffer.from(value.subarray(10)),
    )
    const common = {
      _airbyte_extracted_at: emittedAtMs,
      _airbyte_changes: null,
      _airbyte_overflow: null,
    }
    expect(JSON.parse(JSON.stringify(records))).toEqual([
      { ...common, id: 1, odd_name: 1_000_000, price: '12.50', data: '{"a":1}' },
      { ...common, id: 2, odd_name: null, price: null, data: null },
    ])
  })
})

describe('a value that its column cannot hold', () => {
  it.each<[ColumnKind, RecordValue, string, string]>([
    ['boolean', 'true', 'true', '"true"'],
    ['boolean', 'tt', 'tt', '"tt"'],
    ['integer', 2n ** 63n, '9223372036854775808', '9223372036854775808'],
    ['integer', MIN_INT64 - 1n, '-9223372036854775809', '-9223372036854775809'],
    ['integer', 10n ** 30n, `1${'0'.repeat(30)}`, `1${'0'.repeat(30)}`],
    ['integer', 1.5, '1.5', '1.5'],
    ['integer', 'abc', 'abc', '"abc"'],
    ['integer', '', '', '""'],
    ['integer', '-', '-', '"-"'],
    ['integer', NaN, 'NaN', '"NaN"'],
    ['number', '1.2.3', '1.2.3', '"1.2.3"'],
    ['number', '.5', '.5', '".5"'],
    ['number', '$1', '$1', '"$1"'],
    ['double', rawJson('0.1000000000000000055'), '0.1000000000000000055', '0.1000000000000000055'],
    ['double', 9007199254740993n, '9007199254740993', '9007199254740993'],
    ['double', 'x', 'x', '"x"'],
    ['date', 'infinity', 'infinity', '"infinity"'],
    ['date', '0044-03-15 BC', '0044-03-15 BC', '"0044-03-15 BC"'],
    ['date', '10000-01-01', '10000-01-01', '"10000-01-01"'],
    ['date', '2023-02-29', '2023-02-29', '"2023-02-29"'],
    ['date', '2023-13-01', '2023-13-01', '"2023-13-01"'],
    ['date', '0000-01-01', '0000-01-01', '"0000-01-01"'],
    ['date', '2023-04-31', '2023-04-31', '"2023-04-31"'],
    ['timestamptz', '-infinity', '-infinity', '"-infinity"'],
    [
      'timestamptz',
      '0044-03-15 12:00:00+00 BC',
      '0044-03-15 12:00:00+00 BC',
      '"0044-03-15 12:00:00+00 BC"',
    ],
    [
      'timestamptz',
      '9999-12-31T23:59:59-01:00',
      '9999-12-31T23:59:59-01:00',
      '"9999-12-31T23:59:59-01:00"',
    ],
    ['timestamptz', '0001-01-01T00:00:00+01', '0001-01-01T00:00:00+01', '"0001-01-01T00:00:00+01"'],
    [
      'timestamptz',
      '2024-06-01T12:00:00.1234567Z',
      '2024-06-01T12:00:00.1234567Z',
      '"2024-06-01T12:00:00.1234567Z"',
    ],
    ['timestamptz', '2024-06-01T12:00:60Z', '2024-06-01T12:00:60Z', '"2024-06-01T12:00:60Z"'],
    ['timestamptz', '2024-06-01T12:00:00+1', '2024-06-01T12:00:00+1', '"2024-06-01T12:00:00+1"'],
    [
      'timestamptz',
      '2024-06-01T12:00:00+01:3',
      '2024-06-01T12:00:00+01:3',
      '"2024-06-01T12:00:00+01:3"',
    ],
    ['timestamptz', '2024-06-01T12:00:00.Z', '2024-06-01T12:00:00.Z', '"2024-06-01T12:00:00.Z"'],
    ['timestamptz', '2024-06-01', '2024-06-01', '"2024-06-01"'],
    ['timestamptz', '', '', '""'],
    ['timestamp', '2024-06-01T12:00:00Z', '2024-06-01T12:00:00Z', '"2024-06-01T12:00:00Z"'],
    ['time', '24:00:01', '24:00:01', '"24:00:01"'],
    ['time', '12:00', '12:00', '"12:00"'],
    ['time', '12:00:00+01', '12:00:00+01', '"12:00:00+01"'],
    ['bytes', 'no base64!', 'no base64!', '"no base64!"'],
    ['bytes', '\\xzz', '\\\\xzz', '"\\\\xzz"'],
    ['bytes', '\\x0', '\\\\x0', '"\\\\x0"'],
  ])('%s %o is null, and its JSON stands in the overflow map on both roads', (...row) => {
    const [kind, value, field, json] = row
    const columns = [{ name: 'c', kind }]
    const fromObject = encodeObjects(columns, [{ c: value }])
    expect(overflowOf(kind, fromObject)).toBe(json)
    expect(Buffer.from(encodeCopy(columns, `${field}\n`).bytes)).toEqual(
      Buffer.from(fromObject.bytes),
    )
  })

  it('such as a lone surrogate is kept as its JSON escape', () => {
    const columns: Column[] = [{ name: 'c', kind: 'string' }]
    const block = encodeObjects(columns, [{ c: 'a\ud800b' }])
    expect(overflowOf('string', block)).toBe('"a\\ud800b"')
    expect(through('string', 'a\ud800b')).toBe('a\ud800b')
  })

  it('such as text that is not UTF-8 keeps every byte', () => {
    const latin1 = Buffer.from('caf\xe9 cr\xe8me', 'latin1')
    expect(throughCopy('string', latin1)).toBe('caf\udce9 cr\udce8me')
    expect(throughCopy('json', Buffer.from('{"a": "\xe9"}', 'latin1'))).toEqual({ a: '\udce9' })
    expect(throughCopy('string', 'valid é')).toBe('valid é')
  })

  it('such as an object in a text column comes back as it was', () => {
    expect(through('string', { a: 1n << 70n })).toEqual({ a: 1n << 70n })
    expect(through('string', 7)).toBe(7)
    expect(through('boolean', 1)).toBe(1)
  })
})

describe('the fields of a record', () => {
  const columns: Column[] = [
    { name: 'a', kind: 'string' },
    { name: 'b', kind: 'integer' },
  ]

  it('stay missing where they were missing, and null where they were null', () => {
    expect(roundTrip(columns, { a: null })).toStrictEqual({ a: null })
    expect(roundTrip(columns, { b: 1, a: undefined })).toStrictEqual({ b: 1 })
    expect(roundTrip(columns, {})).toStrictEqual({})
  })

  it('that were not declared are kept', () => {
    const extra = { a: 'x', b: 1, extra: { deep: [1.5, null] }, none: null, gone: undefined }
    expect(roundTrip(columns, extra)).toStrictEqual({
      a: 'x',
      b: 1,
      extra: { deep: [1.5, null] },
      none: null,
    })
  })

  it('may have any name', () => {
    const names = [
      '__proto__',
      'constructor',
      'a.b',
      '',
      'x'.repeat(100),
      'é',
      'a b',
      'a-b',
      'toString',
    ]
    const odd = names.map((name): Column => ({ name, kind: 'string' }))
    const data = Object.fromEntries(names.map((name) => [name, `value of ${name}`]))
    expect(Object.entries(roundTrip(odd, data) ?? {})).toEqual(Object.entries(data))
    expect(Object.keys(roundTrip(odd, {}) ?? { a: 1 })).toEqual([])
    const undeclared = roundTrip([], data) ?? {}
    expect(Object.entries(undeclared)).toEqual(Object.entries(data))
  })

  it('may be none at all', () => {
    const { bytes, count } = encodeCopy([], '\n\n\n')
    expect(decodeBlock(bytes, count, [])).toEqual(
      Array.from({ length: 3 }, () => ({ extractedAtMs: emittedAtMs, data: {} })),
    )
  })
})

describe('both roads', () => {
  const cell = fc.oneof(
    fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
    fc.record({
      kind: fc.constant('integer' as const),
      value: fc.oneof(fc.bigInt({ min: MIN_INT64, max: MAX_INT64 }), fc.maxSafeInteger()),
    }),
    fc.record({ kind: fc.constant('number' as const), value: fc.double() }),
    fc.record({ kind: fc.constant('double' as const), value: fc.double() }),
    fc.record({ kind: fc.constant('string' as const), value: anyText() }),
    fc.record({
      kind: fc.constant('string' as const),
      value: fc.string({
        unit: fc.constantFrom('a', '\\', '\t', '\n', 'é', '😀', '\u0001', '\u001f'),
      }),
    }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array() }),
    fc.record({ kind: fc.constant('json' as const), value: fc.jsonValue() }),
    fc.record({
      kind: fc.constantFrom('timestamptz' as const, 'date' as const, 'time' as const),
      value: fc
        .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((date) => date.toISOString()),
    }),
    fc.record({
      kind: fc.constantFrom<ColumnKind>('integer', 'number', 'double', 'date', 'time', 'timestamp'),
      value: fc
        .string({ unit: fc.constantFrom(...Array.from('0123456789-+.:eE TZ')), minLength: 1 })
        .filter((text) => !/^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text)),
    }),
  )

  it('give the same bytes for the same values, and the values come back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ cell, isNull: fc.integer({ max: 9 }) }), { maxLength: 12 }),
        (row) => {
          const columns = row.map(({ cell: { kind } }, index) => ({ name: `c${index}`, kind }))
          const values = row.map(({ cell: { kind, value }, isNull }): RecordValue => {
            if (isNull === 0 || value === null) return null
            return dated(kind, value)
          })
          const data = Object.fromEntries(values.map((value, index) => [`c${index}`, value]))
          const line = row.map(({ cell: { kind } }, index) =>
            copyField(kind, values[index] ?? null),
          )
          const fromObject = encodeObjects(columns, [data])
          const fromCopy = encodeCopy(columns, `${line.join('\t')}\n`)
          expect(Buffer.from(fromCopy.bytes)).toEqual(Buffer.from(fromObject.bytes))
          const [decoded] = decodeBlock(fromObject.bytes, 1, columns)
          const plain = (value: RecordData | undefined): string => stringifyExact({ ...value })
          expect(plain(decoded?.data)).toBe(plain(data))
        },
      ),
      { numRuns: 2000 },
    )
  })

  function dated(kind: ColumnKind, value: RecordValue): RecordValue {
    if (typeof value !== 'string') return value
    if (kind === 'date') return value.slice(0, 10)
    if (kind === 'time') return value.slice(11, 19)
    return kind === 'timestamptz' ? value.replace(/\.?0+Z$/, 'Z') : value
  }
})

describe('the encoder', () => {
  const columns: Column[] = [
    { name: 'id', kind: 'integer' },
    { name: 'text', kind: 'string' },
  ]
  const records = Array.from({ length: 1000 }, (_, id) => ({ id, text: `record ${id}` }))
  const lines = Buffer.from(records.map(({ id, text }) => `${id}\t${text}\n`).join(''))

  function drain(subject: BlockEncoder, step: (from: number) => number, end: number): unknown[] {
    const out: unknown[] = []
    for (let from = 0; from < end || subject.full;) {
      from = step(from)
      if (!subject.full && from < end) continue
      const block = subject.take()
      if (block) out.push(...decodeBlock(block.bytes, block.count, columns).map(({ data }) => data))
      const rejection = subject.takeRejection()
      if (rejection) out.push(rejection)
    }
    return out
  }

  it('cuts blocks by bytes on both roads and loses nothing', () => {
    const objects = encoder(columns, { blockBytes: 1000 })
    expect(objects.records(records, 0, emittedAtMs)).toBeLessThan(100)
    const first = taken(objects.take())
    expect(first.bytes.length).toBeGreaterThanOrEqual(1000)
    expect(first.bytes.length).toBeLessThan(1030)
    expect(first.bytes.byteOffset).toBe(0)
    const again = encoder(columns, { blockBytes: 1000 })
    expect(drain(again, (from) => again.records(records, from, emittedAtMs), 1000)).toEqual(records)
    const copy = encoder(columns, { blockBytes: 1000 })
    expect(drain(copy, (from) => copy.copyText(lines, from, emittedAtMs), lines.length)).toEqual(
      records,
    )
  })

  it('takes nothing more while it is full', () => {
    const subject = encoder(columns, { blockBytes: 1 })
    expect(subject.records(records, 0, emittedAtMs)).toBe(1)
    expect(subject.records(records, 1, emittedAtMs)).toBe(1)
    expect(subject.copyText(lines, 0, emittedAtMs)).toBe(0)
    expect(subject.take()?.count).toBe(1)
    expect(subject.take()).toBeUndefined()
  })

  it('rejects a record that is too large, in its place', () => {
    const large = records.map((record) =>
      record.id % 10 === 3 ? { ...record, text: 'x'.repeat(500) } : record,
    )
    const expected = large.map((record) =>
      record.id % 10 === 3
        ? {
            reason: `record of ${record.id < 64 ? 513 : 514} bytes is larger than the 400 bytes that the log accepts`,
          }
        : record,
    )
    const objects = encoder(columns, { blockBytes: 1000, maxRecordBytes: 400 })
    expect(drain(objects, (from) => objects.records(large, from, emittedAtMs), 1000)).toEqual(
      expected,
    )
    const text = Buffer.from(large.map((record) => `${record.id}\t${record.text}\n`).join(''))
    const copy = encoder(columns, { blockBytes: 1000, maxRecordBytes: 400 })
    expect(drain(copy, (from) => copy.copyText(text, from, emittedAtMs), text.length)).toEqual(
      expected,
    )
  })

  it('counts a rejection that was not yet taken', () => {
    const subject = encoder(columns, { maxRecordBytes: 40 })
    expect(subject.count).toBe(0)
    subject.records(
      [
        { id: 1, text: 'short' },
        { id: 2, text: 'x'.repeat(100) },
      ],
      0,
      emittedAtMs,
    )
    expect(subject.count).toBe(2)
    expect(subject.full).toBe(true)
    subject.take()
    expect(subject.count).toBe(1)
    subject.takeRejection()
    expect(subject.count).toBe(0)
  })

  it('names a rejected record by its primary key, in whatever way the key is kept, and says how larger ones get through', () => {
    const subject = encoder(columns, {
      maxRecordBytes: 100,
      rejectionKeyFields: ['id'],
      limitAdvice: 'raise it',
    })
    const text = 'x'.repeat(200)
    for (const id of [7, 'not a number']) {
      subject.records([{ id, text, undeclared: true }], 0, emittedAtMs)
      expect(subject.take()).toBeUndefined()
      expect(subject.takeRejection()).toEqual({
        reason: expect.stringMatching(/ bytes that the log accepts: raise it$/) as unknown,
        key: JSON.stringify([id]),
      })
    }
    subject.records([{ id: 8, text: 'short' }], 0, emittedAtMs)
    expect(subject.take()?.count).toBe(1)
  })

  it('leaves the key of a rejected record out if there is none, or if it is large itself', () => {
    const text = 'x'.repeat(10_000)
    for (const rejectionKeyFields of [[], ['text'], ['nowhere']]) {
      const subject = encoder(columns, { maxRecordBytes: 100, rejectionKeyFields })
      subject.records([{ id: 1, text }], 0, emittedAtMs)
      expect(Object.keys(subject.takeRejection() ?? {})).toEqual(['reason'])
    }
  })

  it('takes a record of several megabytes', () => {
    const record = { id: 1, text: 'é'.repeat(2_000_000) }
    expect(roundTrip(columns, record)).toEqual(record)
    const { bytes } = encodeCopy(columns, `1\t${record.text}\n`)
    expect(decodeBlock(bytes, 1, columns)[0]?.data).toEqual(record)
  })

  it('stamps every record with the time that it was given', () => {
    const subject = encoder(columns)
    subject.records(records.slice(0, 1), 0, 1)
    subject.copyText(Buffer.from('5\tx\n'), 0, 2_000_000_000_000)
    const { bytes, count } = taken(subject.take())
    expect(decodeBlock(bytes, count, columns).map((record) => record.extractedAtMs)).toEqual([
      1, 2_000_000_000_000,
    ])
  })

  it('fills a buffer again that has room for the block, and makes another where it has not', () => {
    const take = (reuse: ArrayBuffer): EncodedBlock | undefined => {
      const subject = new BlockEncoder({
        columns: [{ name: 'c', kind: 'string' }],
        blockBytes: 100,
        maxRecordBytes: 1000,
      })
      subject.records([{ c: 'x'.repeat(200) }], 0, emittedAtMs)
      return subject.take(() => reuse)
    }
    const large = new ArrayBuffer(1000)
    const block = take(large)
    expect(block?.bytes.buffer).toBe(large)
    const small = new ArrayBuffer(100)
    const other = take(small)
    expect(other?.bytes.buffer).not.toBe(small)
    expect(other?.bytes).toEqual(block?.bytes)
  })

  it('takes lines in a view of a larger buffer, reused between calls', () => {
    const subject = encoder(columns)
    const buffer = Buffer.alloc(64, 0x41)
    for (const line of ['1\tone\n', '2\té\n', '3\tthree\n']) {
      const length = buffer.write(line, 7)
      subject.copyText(buffer.subarray(7, 7 + length), 0, emittedAtMs)
    }
    const { bytes, count } = taken(subject.take())
    expect(decodeBlock(bytes, count, columns).map(({ data }) => data.text)).toEqual([
      'one',
      'é',
      'three',
    ])
  })

  it.each(['1\n', '1\ta\tb\n', '1\ta', '1\ta\\\n', '\n'])(
    'refuses the malformed line %j',
    (line) => {
      expect(() => encoder(columns).copyText(Buffer.from(line), 0, emittedAtMs)).toThrow(
        /a COPY does not fit/,
      )
    },
  )
})

describe('the record framing', () => {
  const columns: Column[] = [
    { name: 'id', kind: 'integer' },
    { name: 'at', kind: 'timestamptz' },
    { name: 'name', kind: 'string' },
    { name: 'price', kind: 'number' },
  ]

  function keysOf(keyFields: readonly string[], records: readonly RecordData[]): (string | null)[] {
    const subject = encoder(columns, { keyFields })
    subject.records(records, 0, emittedAtMs)
    const keys = taken(subject.take()).keys ?? []
    return keys.map((key) => (key === null ? null : Buffer.from(key).toString('utf8')))
  }

  it('gives the end and the key of every record', () => {
    const subject = encoder(columns, { keyFields: ['id'] })
    subject.copyText(Buffer.from('7\t\\N\tseven\t1.50\n8\t\\N\teight\t2\n'), 0, emittedAtMs)
    const block = taken(subject.take())
    expect(block.keys?.map((key) => String(key && Buffer.from(key)))).toEqual(['[7]', '[8]'])
    let start = 0
    const names = Array.from(block.ends ?? [], (end) => {
      const [record] = decodeBlock(block.bytes.subarray(start, end), 1, columns)
      start = end
      return record?.data.name
    })
    expect(names).toEqual(['seven', 'eight'])
  })

  it('writes a key as the canonical JSON array of its values', () => {
    expect(
      keysOf(
        ['name', 'id', 'at', 'price'],
        [
          { id: 9007199254740993n, at: '2024-01-01 00:00:00.5+01', name: 'a "b" 東', price: 1.5 },
          { id: 'no integer', name: null, price: NaN },
          { id: 1, at: '1969-12-31T23:59:59.999999Z', name: 'x', price: rawJson('0.10'), extra: 1 },
        ],
      ),
    ).toEqual([
      '["a \\"b\\" 東",9007199254740993,"2023-12-31T23:00:00.5Z",1.5]',
      '[null,"no integer",null,"NaN"]',
      '["x",1,"1969-12-31T23:59:59.999999Z",0.10]',
    ])
  })

  it('gives null keys for a stream without a primary key', () => {
    expect(keysOf([], [{ id: 1 }])).toEqual([null])
  })
})

describe('an integer that is spelled as a decimal number', () => {
  it.each([
    ['2.0', 2],
    ['-1.00', -1],
    ['1e3', 1000],
    ['1E+2', 100],
    ['1.25e2', 125],
    ['100e-2', 1],
    ['0.0', 0],
    ['-0.0', 0],
    ['0e999', 0],
    ['9223372036854775807.0', 2n ** 63n - 1n],
    ['-9.223372036854775808e18', -(2n ** 63n)],
  ])('%s is %d on both roads', (text, value) => {
    expect(through('integer', rawJson(text))).toBe(value)
    expect(throughCopy('integer', text)).toBe(value)
  })

  it.each([
    '2.5',
    '1e-1',
    '9223372036854775808.0',
    '1e19',
    '1e999999999999',
    '12345678901234567890123e-2',
  ])('%s is none', (text) => {
    const [left, right] = [through('integer', rawJson(text)), throughCopy('integer', text)]
    expect(Number(stringifyExact(left ?? null))).toBe(Number(text))
    expect(right).toEqual(left)
  })
})
