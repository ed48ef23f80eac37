import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  absentColumns,
  columnsOf,
  type AirbyteCatalog,
  type AirbyteStream,
} from '../../../../protocol/index.ts'
import { streamsIn } from '../../../../service/connections/connection-streams.ts'
import {
  keepToApproved,
  requireReadable,
} from '../../../../service/connections/drift/keep-to-approved.ts'
import { schemaChanges } from '../../../../service/schema-changes/schema-changes.ts'
import { catalogs } from '../../schema-changes/random-catalogs.ts'

const approved: AirbyteStream = {
  name: 'orders',
  json_schema: {
    properties: { id: { type: 'integer' }, at: { type: 'integer' }, note: { type: 'string' } },
  },
  supported_sync_modes: ['full_refresh', 'incremental'],
  source_defined_primary_key: [['id']],
  default_cursor_field: ['at'],
}

function seenAs(change: Partial<AirbyteStream>): AirbyteStream {
  return { ...approved, ...change }
}

function kept(...seen: readonly AirbyteStream[]): AirbyteCatalog {
  return keepToApproved({ streams: [approved] }, { streams: [...seen] })
}

describe('a run that ignores drift', () => {
  it('reads the approved columns with their types, and none that was added', () => {
    const { streams } = kept(
      seenAs({
        json_schema: {
          properties: {
            note: { type: 'integer' },
            added: { type: 'string' },
            at: { type: 'integer' },
            id: { type: 'integer' },
          },
        },
      }),
    )
    expect(streams.map(({ json_schema: schema }) => columnsOf(schema))).toEqual([
      columnsOf(approved.json_schema),
    ])
  })

  it('declares a column that is gone, and says that it is', () => {
    const properties = { id: { type: 'integer' }, at: { type: 'integer' } }
    const [stream] = kept(seenAs({ json_schema: { properties } })).streams
    expect(columnsOf(stream?.json_schema ?? {})).toEqual(columnsOf(approved.json_schema))
    expect([...absentColumns(stream?.json_schema ?? {})]).toEqual(['note'])
  })

  it('keeps to key and cursor', () => {
    const [stream] = kept(
      seenAs({ source_defined_primary_key: [['note']], default_cursor_field: ['note'] }),
    ).streams
    expect(stream).toMatchObject({
      source_defined_primary_key: [['id']],
      default_cursor_field: ['at'],
    })
  })

  it('reads neither streams that were added nor those that are gone', () => {
    expect(kept(seenAs({ name: 'other' })).streams).toEqual([])
  })

  it('takes a stream that did not change as the source has it', () => {
    const live = seenAs({ is_resumable: true })
    expect(kept(live).streams).toEqual([live])
  })
})

describe('a run that ignores drift is refused', () => {
  const connection = {
    name: 'shop',
    from: 'db',
    streams: null,
    options: {},
    destination: 'data:shop',
  }

  it.each<[string, Partial<AirbyteStream>, RegExp]>([
    [
      'a cursor that is gone',
      { json_schema: { properties: { id: { type: 'integer' }, note: { type: 'string' } } } },
      /column "at" is gone/,
    ],
    [
      'a key that is gone',
      { json_schema: { properties: { at: { type: 'integer' }, note: { type: 'string' } } } },
      /column "id" is gone/,
    ],
    [
      'a sync mode that the source has no more',
      { supported_sync_modes: ['full_refresh'] },
      /can no longer read it in the approved mode, incremental/,
    ],
    [
      'a key whose new type holds more than the approved one',
      { json_schema: { properties: { id: {}, at: { type: 'integer' } } } },
      /column "id" is json at the source now, was approved as integer/,
    ],
  ])('for %s', (_what, change, message) => {
    const seen = { streams: [seenAs(change)] }
    const reads = keepToApproved({ streams: [approved] }, seen)
    const resolved = streamsIn(reads, connection, seen)
    expect(() => {
      requireReadable(connection, resolved, seen)
    }).toThrow(message)
  })

  it.each([
    [{ where: `note = 'ok'` }, 'stream_rule_invalid', 'where'],
    [{ mask: { note: null } }, 'stream_column_not_found', 'mask.note'],
    [{ rename: { note: 'text' } }, 'stream_column_not_found', 'rename.note'],
    [{ columns: ['id', 'at', 'note'] }, 'stream_column_not_found', 'columns[2]'],
    [{ columns: { exclude: ['note'] } }, 'stream_column_not_found', 'columns.exclude[0]'],
  ])('for a column that is gone and that it names: %o', (rules, code, field) => {
    const properties = { id: { type: 'integer' }, at: { type: 'integer' } }
    const seen = { streams: [seenAs({ json_schema: { properties } })] }
    const reads = keepToApproved({ streams: [approved] }, seen)
    const binding = { ...connection, streams: [{ name: approved.name, ...rules }] }
    expect(() => streamsIn(reads, binding, seen)).toThrow(
      expect.objectContaining({
        code,
        details: expect.objectContaining({ field: `streams[0].${field}` }) as object,
      }) as Error,
    )
  })

  it('for nothing else', () => {
    const properties = { id: { type: 'integer' }, at: { type: 'integer' } }
    const seen = { streams: [seenAs({ json_schema: { properties } })] }
    const reads = keepToApproved({ streams: [approved] }, seen)
    requireReadable(connection, streamsIn(reads, connection, seen), seen)
  })
})

describe('keeping to what was approved', () => {
  it('leaves no difference to it but streams that are gone', () => {
    fc.assert(
      fc.property(catalogs, catalogs, (before, now) => {
        const reads = keepToApproved(before, now)
        const left = schemaChanges(before, reads)
        const gone = schemaChanges(before, now).filter(({ change }) => change === 'removed')
        expect(left).toEqual(gone)
      }),
      { numRuns: 300 },
    )
  })

  it('declares as absent exactly what the source has no more', () => {
    fc.assert(
      fc.property(catalogs, catalogs, (before, now) => {
        const removed = schemaChanges(before, now)
          .filter(({ change }) => change === 'changed')
          .flatMap(({ name, removedColumns }) =>
            removedColumns.map((column) => `${name}.${column.name}`),
          )
        const absent = keepToApproved(before, now).streams.flatMap(
          ({ name, json_schema: schema }) =>
            [...absentColumns(schema)].map((column) => `${name}.${column}`),
        )
        expect(absent.toSorted()).toEqual(removed.toSorted())
      }),
      { numRuns: 300 },
    )
  })
})
