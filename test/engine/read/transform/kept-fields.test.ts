import { describe, expect, test } from 'vitest'
import { KeptFields } from '../../../../engine/read/transform/kept-fields.ts'
import {
  columnsOf,
  type ConfiguredAirbyteStream,
  type RecordData,
} from '../../../../protocol/index.ts'

const json_schema = {
  properties: {
    id: { type: 'integer' },
    at: { type: 'string', format: 'date-time' },
    name: { type: 'string' },
    nested: { type: 'object' },
    _ab_cdc_lsn: { type: 'integer' },
  },
}

function problem(
  before: RecordData,
  after: RecordData,
  configured: Partial<ConfiguredAirbyteStream> = { primary_key: [['id']], cursor_field: ['at'] },
): string | undefined {
  const stream = {
    stream: { name: 's', json_schema, supported_sync_modes: ['full_refresh' as const] },
    sync_mode: 'full_refresh' as const,
    destination_sync_mode: 'append' as const,
    ...configured,
  }
  return new KeptFields(stream, columnsOf(json_schema)).problem(before, after)
}

const record = { id: 1, at: '2026-01-01T00:00:00Z', name: 'a', _ab_cdc_lsn: 7 }

describe('the fields that a function must keep', () => {
  test('are not those that carry only data', () => {
    expect(problem(record, { ...record, name: 'b', more: 1 })).toBeUndefined()
    expect(problem(record, record)).toBeUndefined()
  })

  test('are the primary key, the cursor, and what a source of changes adds', () => {
    expect(problem(record, { ...record, id: 2 })).toBe(
      'it changed id, which is the primary key of the stream',
    )
    expect(problem(record, { ...record, at: '2026-01-02T00:00:00Z' })).toBe(
      'it changed at, which is the cursor of the stream',
    )
    const cdc = 'which says when and how the source changed the record'
    expect(problem(record, { ...record, _ab_cdc_lsn: 8 })).toBe(`it changed _ab_cdc_lsn, ${cdc}`)
    expect(problem(record, { ...record, _ab_cdc_deleted_at: 'now' })).toBe(
      `it changed _ab_cdc_deleted_at, ${cdc}`,
    )
  })

  test('may not be left out, become null, or change their type', () => {
    const { id, ...others } = record
    expect(id).toBe(1)
    for (const after of [others, { ...record, id: null }, { ...record, id: '1' }])
      expect(problem(record, after)).toMatch('it changed id')
    expect(problem(others, others)).toBeUndefined()
    expect(problem(others, record)).toMatch('it changed id')
  })

  test('may be written in another way, if the value is the same', () => {
    expect(problem(record, { ...record, at: '2026-01-01T01:00:00.000+01:00' })).toBeUndefined()
    expect(problem({ id: 2n ** 60n }, { id: 2n ** 60n })).toBeUndefined()
    expect(problem({ id: 9007199254740993n }, { id: 9007199254740992 })).toMatch('it changed id')
    const nested = { primary_key: [['nested', 'a', 'b']] }
    const before = { nested: { a: { b: 1 }, c: 1 } }
    expect(problem(before, { nested: { a: { b: 1 }, c: 2 } }, nested)).toBeUndefined()
    expect(problem(before, { nested: { a: { b: 2 } } }, nested)).toBe(
      'it changed nested.a.b, which is the primary key of the stream',
    )
    expect(problem(before, {}, nested)).toMatch('it changed nested.a.b')
  })
})
