import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AirbyteCatalog, AirbyteStream, JsonObject } from '../../../protocol/index.ts'
import { catalogFingerprint } from '../../../service/schema-changes/catalog-shape.ts'
import { firstChanges, schemaChanges } from '../../../service/schema-changes/schema-changes.ts'
import type { FromTo, SchemaChange } from '../../../service/schema-changes/schema.ts'
import { catalogs } from './random-catalogs.ts'

const orders: AirbyteStream = {
  name: 'orders',
  namespace: 'public',
  json_schema: {
    type: 'object',
    properties: {
      id: { type: 'integer' },
      total: { type: 'number' },
      note: { type: 'string' },
    },
  },
  supported_sync_modes: ['full_refresh', 'incremental'],
  source_defined_primary_key: [['id']],
}

function changesTo(change: Partial<AirbyteStream>): readonly SchemaChange[] {
  return schemaChanges({ streams: [orders] }, { streams: [{ ...orders, ...change }] })
}

function withColumns(properties: JsonObject): Partial<AirbyteStream> {
  return { json_schema: { type: 'object', properties } }
}

const nothing = {
  name: 'orders',
  namespace: 'public',
  change: 'changed',
  addedColumns: [],
  removedColumns: [],
  typeChanges: [],
  primaryKey: null,
  cursor: null,
  syncModes: null,
  columnsLeft: 0,
} as const

describe('the changes of a schema', () => {
  it('are columns that came and went, and types that are others', () => {
    const changes = changesTo(
      withColumns({
        id: { type: 'integer' },
        total: { type: 'string' },
        phone: { type: 'string' },
      }),
    )
    expect(changes).toEqual([
      {
        ...nothing,
        addedColumns: [{ name: 'phone', type: 'string' }],
        removedColumns: [{ name: 'note', type: 'string' }],
        typeChanges: [{ name: 'total', from: 'number', to: 'string' }],
      },
    ])
  })

  it('are another key, another cursor, other sync modes', () => {
    const key: Partial<AirbyteStream> = { source_defined_primary_key: [['id'], ['note']] }
    expect(changesTo(key)).toEqual([
      { ...nothing, primaryKey: { from: [['id']], to: [['id'], ['note']] } },
    ])
    expect(changesTo({ source_defined_cursor: true, default_cursor_field: ['id'] })).toEqual([
      {
        ...nothing,
        cursor: {
          from: { field: [], sourceDefined: false },
          to: { field: ['id'], sourceDefined: true },
        },
      },
    ])
    expect(changesTo({ supported_sync_modes: ['full_refresh'] })).toEqual([
      {
        ...nothing,
        syncModes: { from: ['full_refresh', 'incremental'], to: ['full_refresh'] },
      },
    ])
  })

  it('are streams that came and went, with all their columns', () => {
    const twin: AirbyteStream = { ...orders, namespace: 'archive' }
    const columns = [
      { name: 'id', type: 'integer' },
      { name: 'total', type: 'number' },
      { name: 'note', type: 'string' },
    ]
    expect(schemaChanges({ streams: [orders] }, { streams: [twin] })).toEqual([
      { ...nothing, change: 'removed', removedColumns: columns },
      { ...nothing, namespace: 'archive', change: 'added', addedColumns: columns },
    ])
  })

  it.each<[string, Partial<AirbyteStream>]>([
    [
      'an order',
      withColumns({ note: { type: 'string' }, total: { type: 'number' }, id: { type: 'integer' } }),
    ],
    [
      'a description',
      withColumns({
        id: { type: 'integer', description: 'the number' },
        total: { type: ['null', 'number'] },
        note: { type: 'string', maxLength: 80 },
      }),
    ],
    ['the order of sync modes', { supported_sync_modes: ['incremental', 'full_refresh'] }],
    ['an empty cursor', { default_cursor_field: [], source_defined_cursor: false }],
    ['whether it resumes', { is_resumable: true }],
    [
      'what more is known of values: bounds, NULL, labels, what is required',
      {
        json_schema: {
          type: 'object',
          properties: {
            id: { type: 'integer', minimum: 0, maximum: 9 },
            total: { type: ['null', 'number'] },
            note: { type: ['null', 'string'], enum: ['a', 'b', null] },
          },
          required: ['id', 'total', 'note'],
        },
      },
    ],
  ])('are not %s', (_what, change) => {
    expect(changesTo(change)).toEqual([])
    expect(catalogFingerprint({ streams: [{ ...orders, ...change }] })).toBe(
      catalogFingerprint({ streams: [orders] }),
    )
  })

  it('tell an absent namespace from an empty one', () => {
    const { name, json_schema: schema, supported_sync_modes: modes } = orders
    const bare: AirbyteStream = { name, json_schema: schema, supported_sync_modes: modes }
    const changes = schemaChanges({ streams: [bare] }, { streams: [{ ...bare, namespace: '' }] })
    expect(changes.map(({ change, namespace }) => [change, namespace])).toEqual([
      ['removed', null],
      ['added', ''],
    ])
  })
})

it('the first of many changes and columns are kept, and the others are counted', () => {
  const columns = Array.from(
    { length: 7 },
    (_, n) => [`c${String(n)}`, { type: 'string' }] as const,
  )
  const wide = { ...orders, ...withColumns(Object.fromEntries(columns)) }
  const changes = schemaChanges({ streams: [orders] }, { streams: [wide, { ...wide, name: 'b' }] })
  expect(changes).toHaveLength(2)
  const [first, ...others] = firstChanges(changes, { changes: 1, columns: 2 })
  expect(others).toEqual([])
  expect(first).toMatchObject({
    addedColumns: [{ name: 'c0' }, { name: 'c1' }],
    removedColumns: [{ name: 'id' }, { name: 'total' }],
    columnsLeft: 6,
  })
  expect(
    firstChanges(first === undefined ? [] : [first], { changes: 1, columns: 1 }),
  ).toMatchObject([{ columnsLeft: 8 }])
})

const two = fc.oneof(
  fc.tuple(catalogs, catalogs),
  catalogs.map((each): [AirbyteCatalog, AirbyteCatalog] => [each, shuffled(each)]),
)

function shuffled({ streams }: AirbyteCatalog): AirbyteCatalog {
  return {
    streams: streams.toReversed().map((each) => ({
      ...each,
      json_schema: {
        title: 'other words',
        properties: Object.fromEntries(
          Object.entries(each.json_schema.properties ?? {}).toReversed(),
        ),
      },
    })),
  }
}

function flipped<Value>(pair: FromTo<Value> | null): FromTo<Value> | null {
  return pair && { from: pair.to, to: pair.from }
}

function mirrored(change: SchemaChange): SchemaChange {
  const other = { added: 'removed', removed: 'added', changed: 'changed' } as const
  return {
    ...change,
    change: other[change.change],
    addedColumns: change.removedColumns,
    removedColumns: change.addedColumns,
    typeChanges: change.typeChanges.map(({ name, from, to }) => ({ name, from: to, to: from })),
    primaryKey: flipped(change.primaryKey),
    cursor: flipped(change.cursor),
    syncModes: flipped(change.syncModes),
  }
}

function sorted(changes: readonly SchemaChange[]): unknown {
  const byText = (items: readonly object[]): readonly string[] =>
    items.map((item) => JSON.stringify(item)).toSorted()
  return byText(
    changes.map((change) => ({
      ...change,
      addedColumns: byText(change.addedColumns),
      removedColumns: byText(change.removedColumns),
      typeChanges: byText(change.typeChanges),
    })),
  )
}

describe('the comparison of two catalogs', () => {
  it('finds nothing exactly where their fingerprints are equal', () => {
    fc.assert(
      fc.property(two, ([left, right]) => {
        const isEqual = catalogFingerprint(left) === catalogFingerprint(right)
        expect(schemaChanges(left, right).length === 0).toBe(isEqual)
      }),
      { numRuns: 500 },
    )
  })

  it('says the same in both directions', () => {
    fc.assert(
      fc.property(two, ([left, right]) => {
        const there = schemaChanges(left, right)
        const back = schemaChanges(right, left)
        expect(sorted(back.map(mirrored))).toEqual(sorted(there))
      }),
      { numRuns: 500 },
    )
  })

  it('finds nothing between a catalog and the same in another order', () => {
    fc.assert(
      fc.property(catalogs, (each) => {
        expect(schemaChanges(each, shuffled(each))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})
