import fc from 'fast-check'
import {
  BlockEncoder,
  decodeBlock,
  rawJson,
  type Column,
  type ColumnKind,
  type DecodedRecord,
  type RecordData,
  type RecordValue,
} from '../../../../protocol/index.ts'
import type { RecordBlock } from '../../../../sinks/sink.ts'
import { anyText } from '../../../support/any-text.ts'

export interface AnyStream {
  readonly columns: readonly Column[]
  readonly records: readonly RecordData[]
}

export const extractedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const oddNames = [
  'id',
  'a b',
  'a_b',
  'a-b',
  '__proto__',
  'constructor',
  '',
  '7',
  'é "quoted" \\ \n',
  '_airbyte_overflow',
  '_airbyte_raw_id',
  '_airbyte_raw_id_2',
  'before',
]

const moment = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const micros = fc.nat(999_999).map((some) => String(some).padStart(6, '0'))

const valueOfKind: Readonly<Record<ColumnKind, fc.Arbitrary<RecordValue>>> = {
  boolean: fc.boolean(),
  integer: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.maxSafeInteger(),
    fc.constantFrom<RecordValue>(0, -1, 2 ** 52, -(2n ** 63n), 2n ** 63n - 1n),
  ),
  number: fc.oneof(
    fc.double(),
    fc.constantFrom<RecordValue>(
      NaN,
      -0,
      rawJson('1.50'),
      rawJson('-0'),
      rawJson('123456789012345678901234567890.000000000000000000001'),
      rawJson('1e400'),
    ),
  ),
  double: fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 1e21, 5e-324)),
  string: fc.oneof(
    anyText(),
    anyText({ minLength: 90, maxLength: 300 }),
    fc.string({
      unit: fc.constantFrom(
        'a',
        '"',
        '\\',
        '\t',
        '\n',
        '\b',
        '\f',
        '\r',
        '\0',
        '\u001f',
        '\u007f',
        '\u2028',
        '😀',
      ),
    }),
  ),
  date: moment.map((text) => text.slice(0, 10)),
  timestamptz: fc.tuple(moment, micros).map(([text, some]) => `${text.slice(0, 19)}.${some}Z`),
  timestamp: fc.tuple(moment, micros).map(([text, some]) => `${text.slice(0, 19)}.${some}`),
  timetz: fc.constantFrom('12:00:00+02', '00:00:00.5-11:30'),
  time: fc.oneof(
    fc.constant('24:00:00'),
    fc.tuple(moment, micros).map(([text, some]) => `${text.slice(11, 19)}.${some}`),
  ),
  bytes: fc.uint8Array({ maxLength: 200 }),
  json: fc.oneof(
    fc.jsonValue() as fc.Arbitrary<RecordValue>,
    fc.constantFrom<RecordValue>(
      { a: [rawJson('0.10000000000000000001'), 2n ** 70n] },
      '\ud800',
      [],
    ),
  ),
}

/** Values that hardly any kind can hold. */
const misfit = fc.constantFrom<RecordValue>(
  { deep: [1n << 70n, '"'] },
  'a\ud800b',
  'not this kind',
  ['x'],
  'infinity',
)

const missing = Symbol('missing')

/**
 * Streams of all kinds and odd names, whose records have nulls, missing fields, misfits and fields that
 * nobody declared.
 */
export const anyStream: fc.Arbitrary<AnyStream> = fc
  .record({
    names: fc.uniqueArray(fc.oneof(fc.constantFrom(...oddNames), anyText({ maxLength: 8 })), {
      minLength: 1,
      maxLength: 8,
    }),
    kinds: fc.array(fc.constantFrom(...(Object.keys(valueOfKind) as ColumnKind[])), {
      minLength: 8,
      maxLength: 8,
    }),
  })
  .chain(({ names, kinds }) => {
    const columns = columnsOfNames(names, kinds)
    const cells = columns.map(({ kind }) =>
      fc.oneof(
        { weight: 8, arbitrary: valueOfKind[kind] },
        { weight: 1, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constant(missing) },
        { weight: 1, arbitrary: misfit },
      ),
    )
    const record = fc
      .record({ cells: fc.tuple(...cells), isExtra: fc.boolean() })
      .map(({ cells: values, isExtra }) =>
        Object.fromEntries([
          ...columns.flatMap(({ name }, index) => {
            const value = values[index]
            return value === missing || value === undefined ? [] : [[name, value] as const]
          }),
          ...(isExtra ? [['nobody declared it', 'secret'] as const] : []),
        ]),
      )
    return fc.array(record, { minLength: 1, maxLength: 6 }).map((records) => ({ columns, records }))
  })

function columnsOfNames(names: readonly string[], kinds: readonly ColumnKind[]): Column[] {
  return names.map((name, index) => ({ name, kind: kinds[index] ?? 'string' }))
}

export function blockOf(
  { columns, records }: AnyStream,
  from: Partial<Pick<RecordBlock, 'slice' | 'seq'>> = {},
): RecordBlock {
  const encoder = new BlockEncoder({
    columns,
    maxRecordBytes: 64 * 1024 * 1024,
    blockBytes: 1024 * 1024,
  })
  encoder.records(records, 0, extractedAtMs)
  const block = encoder.take()
  if (block?.count !== records.length) throw new TypeError('the records are more than a block')
  return { slice: 'part one', seq: 0, ...from, count: block.count, bytes: block.bytes }
}

/** The rows as a consumer of the log sees them, without fields that are no columns. */
export function rowsOf({ bytes, count }: RecordBlock, columns: readonly Column[]): DecodedRecord[] {
  const names = new Set(columns.map(({ name }) => name))
  return decodeBlock(bytes, count, columns).map((record) => ({
    ...record,
    data: Object.fromEntries(Object.entries(record.data).filter(([name]) => names.has(name))),
  }))
}
