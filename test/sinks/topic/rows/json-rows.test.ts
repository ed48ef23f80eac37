import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isRawJson,
  parseExact,
  rawJson,
  stringifyExact,
  type ColumnKind,
  type RecordValue,
} from '../../../../protocol/index.ts'
import { jsonNames } from '../../../../sinks/topic/rows/json-schemas.ts'
import { anyStream, blockOf, extractedAtMs, rowsOf } from './any-stream.ts'
import { jsonIn, messagesOf, optionsOf } from './messages.ts'

describe('a row as JSON', () => {
  it('has the values of the record, whatever they and their columns are', async () => {
    await fc.assert(
      fc.asyncProperty(anyStream, async (stream) => {
        const block = blockOf(stream)
        const { messages, written } = await messagesOf(optionsOf(stream.columns), block)
        expect(written).toEqual([{ rows: block.count, deleted: 0, rejected: [] }])
        const names = jsonNames(stream.columns)
        const wanted = rowsOf(block, stream.columns).map(({ data }) =>
          Object.fromEntries(
            stream.columns.flatMap(({ name }, index) =>
              Object.hasOwn(data, name) ? [[names[index] ?? '', asJson(data[name])] as const] : [],
            ),
          ),
        )
        expect(messages.map(({ value }) => parseExact(String(value)))).toEqual(wanted)
      }),
      { numRuns: 150 },
    )
  })

  it.each<[ColumnKind, RecordValue, string]>([
    ['boolean', true, 'true'],
    ['integer', 2n ** 63n - 1n, '9223372036854775807'],
    ['integer', -(2n ** 63n), '-9223372036854775808'],
    ['integer', 'seven', '"seven"'],
    ['number', rawJson('1.50000000000000000000'), '1.50000000000000000000'],
    ['number', NaN, '"NaN"'],
    ['double', -0, '-0.0'],
    ['double', 1e21, '1e+21'],
    ['double', NaN, '"NaN"'],
    ['double', -Infinity, '"-Infinity"'],
    ['string', 'a"\\\n\u0000\u007f😀', String.raw`"a\"\\\n\u0000` + '\u007f😀"'],
    ['string', 'a\ud800b', String.raw`"a\ud800b"`],
    ['date', '2026-01-31', '"2026-01-31"'],
    ['date', 'infinity', '"infinity"'],
    ['timestamptz', '2026-01-31T12:00:00.120+02:00', '"2026-01-31T10:00:00.12Z"'],
    ['timestamptz', '0001-01-01T00:00:00.000001Z', '"0001-01-01T00:00:00.000001Z"'],
    ['timestamptz', '9999-12-31T23:59:59.999999Z', '"9999-12-31T23:59:59.999999Z"'],
    ['timestamp', '2026-01-31 12:00:00', '"2026-01-31T12:00:00"'],
    ['time', '24:00:00', '"24:00:00"'],
    ['timetz', '12:00:00+02', '"12:00:00+02"'],
    ['bytes', Uint8Array.of(0, 255, 1), '"AP8B"'],
    [
      'json',
      { b: [1, null], a: parseExact('0.10000000000000000001') },
      '{"b":[1,null],"a":0.10000000000000000001}',
    ],
    ['json', null, 'null'],
  ])('%s %o', async (kind, value, json) => {
    const stream = { columns: [{ name: 'c', kind }], records: [{ c: value }] }
    const { messages } = await messagesOf(optionsOf(stream.columns), blockOf(stream))
    expect(String(messages[0]?.value)).toBe(`{"c":${json}}`)
  })

  it('is an empty object if the record has none of the columns', async () => {
    const stream = { columns: [{ name: 'c', kind: 'string' as const }], records: [{ other: 1 }] }
    const { messages } = await messagesOf(optionsOf(stream.columns), blockOf(stream))
    expect(String(messages[0]?.value)).toBe('{}')
  })

  it('with full metadata has the facts that a table has', async () => {
    const stream = {
      columns: [{ name: 'c', kind: 'string' as const }],
      records: [{ c: 'x' }, {}],
    }
    const options = optionsOf(stream.columns, { sink: { metadata: 'full' } })
    const { messages } = await messagesOf(options, blockOf(stream, { seq: 41 }))
    const [first, second] = messages.map(({ value }) => jsonIn(value))
    const id = first?._airbyte_raw_id
    if (typeof id !== 'string') throw new TypeError('full metadata has an id')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8000-000000000029$/)
    const facts = {
      _airbyte_extracted_at: new Date(extractedAtMs).toISOString(),
      _airbyte_generation_id: 2,
      _airbyte_meta: { sync_id: 3, changes: [] },
    }
    expect(first).toEqual({ c: 'x', ...facts, _airbyte_raw_id: id })
    expect(second).toEqual({ ...facts, _airbyte_raw_id: id.replace(/29$/, '2a') })
  })
})

/** JSON has no NaN, no infinities and no bytes; a number keeps its digits. */
function asJson(value: RecordValue | undefined): RecordValue {
  if (value === undefined) return null
  if (isRawJson(value)) return value
  return Object.is(value, -0) ? -0 : parseExact(stringifyExact(value))
}
