import { describe, expect, it } from 'vitest'
import {
  configuredAirbyteStream,
  cursorField,
  primaryKey,
  validateConfiguredStream,
  type ConfiguredAirbyteStream,
} from '../../protocol/index.ts'

function configured(own: object, stream: object = {}): ConfiguredAirbyteStream {
  return configuredAirbyteStream.parse({
    stream: {
      name: 's',
      json_schema: {},
      supported_sync_modes: ['full_refresh', 'incremental'],
      ...stream,
    },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'append',
    ...own,
  })
}

describe('a configured stream', () => {
  it.each<[string, object, object]>([
    ['a plain full refresh', {}, {}],
    ['a configured cursor', { sync_mode: 'incremental', cursor_field: ['at'] }, {}],
    ['a default cursor', { sync_mode: 'incremental' }, { default_cursor_field: ['at'] }],
    [
      'a source-defined cursor without a name',
      { sync_mode: 'incremental' },
      { source_defined_cursor: true },
    ],
    ['a configured key', { destination_sync_mode: 'append_dedup', primary_key: [['id']] }, {}],
    [
      'a source-defined key',
      { destination_sync_mode: 'append_dedup' },
      { source_defined_primary_key: [['id']] },
    ],
    ['a generation that keeps all', { generation_id: 7, minimum_generation_id: 0 }, {}],
    ['a generation that replaces all', { generation_id: 7, minimum_generation_id: 7 }, {}],
    ['generation 0', { generation_id: 0, minimum_generation_id: 0 }, {}],
  ])('is right with %s', (_, own, stream) => {
    expect(validateConfiguredStream(configured(own, stream))).toEqual([])
  })

  it.each<[string, string[], object, object]>([
    [
      'a mode that the source lacks',
      ['sync_mode', 'cursor_field'],
      { sync_mode: 'incremental' },
      { supported_sync_modes: ['full_refresh'] },
    ],
    [
      'an incremental read without a cursor',
      ['cursor_field'],
      { sync_mode: 'incremental', cursor_field: [] },
      {},
    ],
    [
      'deduplication without a key',
      ['primary_key'],
      { destination_sync_mode: 'append_dedup', primary_key: [] },
      {},
    ],
    [
      'a key with an empty path',
      ['primary_key'],
      { destination_sync_mode: 'append_dedup', primary_key: [[]] },
      {},
    ],
    [
      'a hybrid of generations',
      ['minimum_generation_id'],
      { generation_id: 7, minimum_generation_id: 6 },
      {},
    ],
    [
      'a minimum above the generation',
      ['minimum_generation_id'],
      { generation_id: 7, minimum_generation_id: 8 },
      {},
    ],
    ['a minimum without a generation', ['generation_id'], { minimum_generation_id: 0 }, {}],
    [
      'a negative generation',
      ['generation_id'],
      { generation_id: -1, minimum_generation_id: -1 },
      {},
    ],
  ])('is wrong with %s', (...[, fields, own, stream]) => {
    expect(validateConfiguredStream(configured(own, stream)).map(({ field }) => field)).toEqual(
      fields,
    )
  })

  it('takes the cursor of the source before its own, and its own before the default', () => {
    const own = { cursor_field: ['mine'] }
    expect(cursorField(configured(own, { default_cursor_field: ['default'] }))).toEqual(['mine'])
    expect(cursorField(configured({}, { default_cursor_field: ['default'] }))).toEqual(['default'])
    const defined = { source_defined_cursor: true, default_cursor_field: ['lsn'] }
    expect(cursorField(configured(own, defined))).toEqual(['lsn'])
    expect(cursorField(configured({}))).toBeUndefined()
  })

  it('takes its own primary key before that of the source', () => {
    const own = { primary_key: [['mine']] }
    const defined = { source_defined_primary_key: [['id']] }
    expect(primaryKey(configured(own, defined))).toEqual([['mine']])
    expect(primaryKey(configured({}, defined))).toEqual([['id']])
    expect(primaryKey(configured({ primary_key: [] }, defined))).toEqual([['id']])
    expect(primaryKey(configured({}))).toBeUndefined()
  })

  it('keeps properties that it does not know', () => {
    expect(configured({ new_property: 1 })).toMatchObject({ new_property: 1 })
  })
})
