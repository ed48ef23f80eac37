import { describe, expect, test } from 'vitest'
import type { TopicMessage } from '../../../engine/topics/rebuild-table.ts'
import { TopicLines } from '../../../engine/topics/topic-lines.ts'
import { recordSchemaOf } from '../../../protocol/avro/avro-schema.ts'
import { BlockEncoder, fingerprintOf, rawJson, type Column } from '../../../protocol/index.ts'

const lines = new TopicLines()

function messageOf(
  headers: Readonly<Record<string, string>>,
  value: Buffer | string | null,
  key: Buffer | string | null = null,
): TopicMessage {
  return {
    partition: 1,
    offset: 7n,
    headers: new Map(Object.entries(headers)),
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value: typeof value === 'string' ? Buffer.from(value) : value,
  }
}

function shown(
  headers: Readonly<Record<string, string>>,
  value: Buffer | string | null,
  key: Buffer | string | null = null,
): unknown {
  const message = messageOf(headers, value, key)
  const { partition, offset, ...rest } = JSON.parse(lines.lineOf(message)) as Record<
    string,
    unknown
  >
  expect([partition, offset]).toEqual([1, '7'])
  return rest
}

const begin = { v: '1', type: 'BEGIN', sync: '1', attempt: '1', slice: '', seq: '0', records: '0', fingerprint: '00000000000000ab' } // prettier-ignore

describe('a message as a line', () => {
  test.each(['{"columns":', '{"columns":3}', 'null', ''])(
    'is marked if it is a BEGIN whose value is %j',
    (value) => {
      expect(shown(begin, value)).toMatchObject({
        type: 'BEGIN',
        damaged: 'its value is not that of a BEGIN',
      })
    },
  )

  test('is marked if it is a record whose bytes do not fit its schema', () => {
    const columns = [{ name: 'id', kind: 'integer' }]
    expect(shown(begin, JSON.stringify({ columns, schema: {} }))).not.toHaveProperty('damaged')
    const record = { v: '1', type: 'RECORD', sync: '1', attempt: '1', slice: '', seq: '0' }
    const bytes = Buffer.from('c301ab00000000000000ff', 'hex')
    const damaged = 'its value is not that of a RECORD'
    expect(shown(record, bytes)).toEqual({ ...record, bytes: 11, damaged })
    expect(shown(record, 'text')).toEqual({ ...record, bytes: 4, damaged })
    // The BEGIN of this record's schema was not seen.
    expect(shown(record, Buffer.from('c301cd00000000000000ff', 'hex'))).toEqual({
      ...record,
      bytes: 11,
    })
  })

  test('of another producer is shown as JSON, as text, or by its length', () => {
    expect(shown({ type: 'note' }, '{"a":1}', 'k')).toEqual({ type: 'note', value: { a: 1 }, key: 'k' }) // prettier-ignore
    expect(shown({}, 'hello')).toEqual({ value: 'hello' })
    expect(shown({}, null)).toEqual({ value: null })
    expect(shown({}, Buffer.from([0xff, 0xfe]))).toEqual({ bytes: 2 })
  })

  test('in the wire format of a schema registry names the schema', () => {
    const wire = Buffer.from('000000002a02', 'hex')
    const headers = { 'connect-sync': '1' }
    expect(shown(headers, wire, wire)).toEqual({
      ...headers,
      bytes: 6,
      schema_id: 42,
      key_bytes: 6,
      key_schema_id: 42,
    })
  })

  test('is JSON as it stands there: digits, -0 and names that come twice', () => {
    const text =
      '{ "a" : -0,\n "a":1.50, "b": "x \\" { y\\\\", "c": [ 1e3 , 12345678901234567890 ] }'
    const line = lines.lineOf(messageOf({ 'connect-sync': '1' }, text))
    expect(line).toBe(
      '{"partition":1,"offset":"7","connect-sync":"1","value":{"a":-0,"a":1.50,"b":"x \\" { y\\\\","c":[1e3,12345678901234567890]}}',
    )
    expect(lines.lineOf(messageOf({}, '-0'))).toContain('"value":-0}')
    expect(lines.lineOf(messageOf({}, '{"a":1,}'))).toContain('"value":"{\\"a\\":1,}"}')
  })

  test('shows the sign of zero in records', () => {
    const columns: Column[] = [
      { name: 'd', kind: 'double' },
      { name: 'j', kind: 'json' },
    ]
    const schema = recordSchemaOf({ name: 'record' }, columns)
    const fingerprint = fingerprintOf(schema)
    const headers = { ...begin, fingerprint: fingerprint.hex }
    expect(lines.lineOf(messageOf(headers, JSON.stringify({ columns, schema })))).toContain('BEGIN')
    const encoder = new BlockEncoder({ columns, maxRecordBytes: 1e6, blockBytes: 1e6 })
    encoder.records([{ d: -0, j: { a: [rawJson('-0'), 0] } }], 0, 0)
    const datum = encoder.take()?.bytes ?? Buffer.of()
    const record = { v: '1', type: 'RECORD', sync: '1', attempt: '1', slice: '', seq: '0' }
    const value = Buffer.concat([Buffer.from([0xc3, 0x01]), fingerprint.bytes, datum])
    expect(lines.lineOf(messageOf(record, value))).toContain(
      '"records":[{"d":-0,"j":{"a":[-0,0]}}]',
    )
  })
})
