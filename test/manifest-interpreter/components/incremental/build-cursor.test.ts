import { describe, expect, it } from 'vitest'
import { registerComponent } from '../../../../manifest-interpreter/builder.ts'
import { migrateState } from '../../../../manifest-interpreter/components/incremental/migrate-state.ts'
import { buildCursor } from '../../../../manifest-interpreter/components/incremental/build-cursor.ts'
import { get } from '../../../../manifest-interpreter/value/dict.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { cursorBuilder } from './cursor-builder.ts'
import type { Cursor, PartitionRouter } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const daily: PlainDict = {
  type: 'DatetimeBasedCursor',
  cursor_field: '{{ parameters.field }}',
  datetime_format: '%Y-%m-%d',
  start_datetime: "{{ config['start'] }}",
  end_datetime: '2024-03-10',
  $parameters: { field: 'updated' },
}

function ids(count: number): PartitionRouter {
  return {
    async *slices() {
      for (let id = 0; id < count; id++)
        yield await Promise.resolve(new StreamSlice({ partition: { id } }))
    },
    parentState: () => null,
    parents: () => [],
    headers: () => ({}),
    params: ({ slice }) => slice.partition,
    bodyData: () => ({}),
    bodyJson: () => ({}),
  }
}

interface Options {
  readonly definition?: PlainDict | null
  readonly stream?: PlainDict
  readonly state?: Dict
  readonly router?: PartitionRouter
  readonly nowMicros?: () => number
  readonly cursorField?: string
}

function build(options: Options = {}): { cursor: Cursor; emitted: Dict[] } {
  const { definition = daily, stream = {}, state, router, nowMicros, cursorField } = options
  const emitted: Dict[] = []
  const cursor = buildCursor({
    builder: cursorBuilder({
      config: { start: '2024-03-01' },
      catalog: [{ name: 'items', jsonSchema: {}, cursorField }],
      ...(nowMicros && { nowMicros }),
    }),
    definition,
    stream,
    streamName: 'items',
    partitionRouter: router ?? null,
    state: state ?? null,
    emitState: (emitted_) => emitted.push(emitted_),
  })
  return { cursor, emitted }
}

async function slicesOf(cursor: Cursor): Promise<StreamSlice[]> {
  const slices: StreamSlice[] = []
  for await (const slice of cursor.slices()) slices.push(slice)
  return slices
}

describe('a stream without a cursor', () => {
  it('says in its only state that it has been read', () => {
    const { cursor, emitted } = build({ definition: null })
    cursor.closeSlice(StreamSlice.empty)
    cursor.ensureStateEmitted()
    expect(emitted).toEqual([{ __ab_no_cursor_state_message: true }])
    expect(cursor.momentOf({ __ab_no_cursor_state_message: true })).toBe(1_710_506_096_789_012)
  })
})

describe('a datetime cursor', () => {
  it('evaluates its templates with the config and its parameters', async () => {
    const { cursor } = build()
    expect(cursor.field).toBe('updated')
    expect((await slicesOf(cursor)).map((slice) => slice.cursorSlice)).toEqual([
      { start_time: '2024-03-01', end_time: '2024-03-10' },
    ])
  })

  it('reads on from where the last read ended, once its slice is closed', async () => {
    const { cursor, emitted } = build({ state: { updated: '2024-03-04' } })
    const [slice = StreamSlice.empty] = await slicesOf(cursor)
    expect(slice.cursorSlice).toEqual({ start_time: '2024-03-04', end_time: '2024-03-10' })
    cursor.observe({ updated: '2024-03-08' }, slice)
    expect(emitted).toEqual([])
    cursor.closeSlice(slice)
    expect(emitted).toEqual([{ updated: '2024-03-08' }])
  })

  it('takes the field that the user chose where the manifest allows it', () => {
    const definition = { ...daily, allow_catalog_defined_cursor_field: true }
    expect(build({ definition, cursorField: 'created' }).cursor.field).toBe('created')
    expect(build({ cursorField: 'created' }).cursor.field).toBe('updated')
  })

  it('puts the bounds of a slice on its requests', async () => {
    const definition = {
      ...daily,
      start_time_option: {
        type: 'RequestOption',
        inject_into: 'request_parameter',
        field_name: 'since',
      },
      end_time_option: { type: 'RequestOption', inject_into: 'body_json', field_path: ['a', 'b'] },
    }
    const { cursor } = build({ definition })
    const [slice = StreamSlice.empty] = await slicesOf(cursor)
    const scope = { slice, nextPageToken: null }
    expect(cursor.params(scope)).toEqual({ since: '2024-03-01' })
    expect(cursor.bodyJson(scope)).toEqual({ a: { b: '2024-03-10' } })
    expect(cursor.headers(scope)).toEqual({})
    expect(cursor.params({ slice: StreamSlice.empty, nextPageToken: null })).toEqual({})
  })

  it('stops at the smallest window that the user allows', async () => {
    const definition = { ...daily, step: 'P30D', cursor_granularity: 'P1D' }
    const { cursor } = build({ definition })
    const [slice = StreamSlice.empty] = await slicesOf(cursor)
    const halves = cursor.splitWindow?.(slice, null)
    expect(halves?.map((half) => half.cursorSlice)).toEqual([
      { start_time: '2024-03-01', end_time: '2024-03-05' },
      { start_time: '2024-03-06', end_time: '2024-03-10' },
    ])
    expect(cursor.splitWindow?.(slice, 'P9D')).toBeNull()
  })

  it('needs a granularity for a step', () => {
    expect(() => build({ definition: { ...daily, step: 'P1D' } })).toThrow('cursor_granularity')
  })

  it('tells the moment of a state in both of its forms', () => {
    const { cursor } = build()
    const moment = Date.UTC(2024, 2, 4) * 1000
    expect(cursor.momentOf({ updated: '2024-03-04' })).toBe(moment)
    const intervals = {
      state_type: 'date-range',
      slices: [{ start: '2024-03-01', end: '2024-03-04' }],
    }
    expect(cursor.momentOf(intervals)).toBe(moment)
    expect(cursor.momentOf({ updated: 'never' })).toBeNull()
    expect(cursor.momentOf({})).toBeNull()
  })
})

describe('a cursor of partitions', () => {
  it('keeps a state for each, and one for all at the end', async () => {
    const { cursor, emitted } = build({ router: ids(2) })
    for (const slice of await slicesOf(cursor)) {
      cursor.observe({ updated: `2024-03-0${get(slice.partition, 'id') === 0 ? 5 : 7}` }, slice)
      cursor.closeSlice(slice)
    }
    cursor.ensureStateEmitted()
    expect(emitted.at(-1)).toEqual({
      use_global_cursor: false,
      states: [
        { partition: { id: 0 }, cursor: { updated: '2024-03-05' } },
        { partition: { id: 1 }, cursor: { updated: '2024-03-07' } },
      ],
      state: { updated: '2024-03-07' },
      lookback_window: 1,
    })
  })

  it('leaves the state for all as it was while a slice has not been read', async () => {
    const before = { state: { updated: '2024-03-02' }, states: [], lookback_window: 5 }
    const { cursor, emitted } = build({ router: ids(2), state: before })
    const [first = StreamSlice.empty] = await slicesOf(cursor)
    cursor.observe({ updated: '2024-03-05' }, first)
    cursor.closeSlice(first)
    cursor.ensureStateEmitted()
    expect(emitted.at(-1)).toMatchObject({ state: { updated: '2024-03-02' }, lookback_window: 5 })
  })

  it('emits a state every ten minutes at most, and the last one', async () => {
    let now = 1_710_506_096_000_000
    const { cursor, emitted } = build({ router: ids(4), nowMicros: () => now })
    for (const slice of await slicesOf(cursor)) {
      cursor.closeSlice(slice)
      now += 301e6
    }
    expect(emitted).toHaveLength(2)
    cursor.ensureStateEmitted()
    expect(emitted).toHaveLength(3)
  })

  it('goes over to one state for all after ten thousand partitions', async () => {
    const { cursor, emitted } = build({ router: ids(10_002) })
    for await (const slice of cursor.slices()) {
      cursor.observe({ updated: '2024-03-05' }, slice)
      cursor.closeSlice(slice)
    }
    cursor.ensureStateEmitted()
    expect(emitted.at(-1)).toEqual({
      use_global_cursor: true,
      state: { updated: '2024-03-05' },
      lookback_window: 1,
    })
  })

  it('adds the partition and the bounds to a request', async () => {
    const definition = {
      ...daily,
      start_time_option: {
        type: 'RequestOption',
        inject_into: 'request_parameter',
        field_name: 'since',
      },
    }
    const { cursor } = build({ definition, router: ids(1) })
    const [slice = StreamSlice.empty] = await slicesOf(cursor)
    expect(cursor.params({ slice, nextPageToken: null })).toEqual({ id: 0, since: '2024-03-01' })
  })

  it('is always one for the groups of a GroupingPartitionRouter', () => {
    const stream = { retriever: { partition_router: { type: 'GroupingPartitionRouter' } } }
    expect(build({ router: ids(1), stream }).cursor.state()).toEqual({
      use_global_cursor: true,
      lookback_window: 0,
    })
  })

  it('starts from a state in the form of older connectors', () => {
    const stream = {
      state_migrations: [{ type: 'LegacyToPerPartitionStateMigration' }],
      incremental_sync: { ...daily, cursor_field: 'updated' },
      retriever: {
        partition_router: {
          type: 'SubstreamPartitionRouter',
          parent_stream_configs: [{ partition_field: 'id' }],
        },
      },
    }
    const state = { '17': { updated: '2024-03-04' }, a: { updated: '2024-03-05' } }
    expect(build({ router: ids(1), stream, state }).cursor.state()).toMatchObject({
      states: [
        { partition: { id: '17' }, cursor: { updated: '2024-03-04' } },
        { partition: { id: 'a' }, cursor: { updated: '2024-03-05' } },
      ],
    })
    const other = { '17': { created: '2024-03-04' } }
    expect(build({ router: ids(1), stream, state: other }).cursor.state()).toMatchObject({
      states: [],
    })
  })

  it('cannot count', () => {
    const definition = { type: 'IncrementingCountCursor', cursor_field: 'id' }
    expect(() => build({ definition, router: ids(1) })).toThrow('PartitionRouter')
  })
})

describe('a counting cursor', () => {
  it('reads from the greatest value on, in one slice without an end', async () => {
    const definition = {
      type: 'IncrementingCountCursor',
      cursor_field: 'id',
      start_value: 1,
      start_value_option: {
        type: 'RequestOption',
        inject_into: 'request_parameter',
        field_name: 'after',
      },
    }
    const { cursor, emitted } = build({ definition, state: { id: 7 } })
    const [slice = StreamSlice.empty] = await slicesOf(cursor)
    expect(cursor.params({ slice, nextPageToken: null })).toEqual({ after: 7 })
    cursor.observe({ id: 12 }, slice)
    cursor.closeSlice(slice)
    expect(emitted).toEqual([{ id: 12 }])
  })
})

describe('a state migration in Python', () => {
  const migrated = (state: Dict, more: PlainDict = {}, className = 'source_x.Migration') =>
    migrateState(
      state,
      {
        type: 'DeclarativeStream',
        name: 'orders',
        retriever: { type: 'SimpleRetriever', ...more },
        incremental_sync: {
          type: 'DatetimeBasedCursor',
          cursor_field: 'updated',
          datetime_format: '%Y-%m-%d',
        },
        state_migrations: [{ type: 'CustomStateMigration', class_name: className }],
      },
      cursorBuilder(),
    )
  const router = { partition_router: { type: 'SubstreamPartitionRouter' } }
  const perPartition = (partition: PlainDict): Dict => ({
    use_global_cursor: false,
    states: [{ partition, cursor: { updated: '2025-01-01' } }],
  })

  it.each<[string, Dict, PlainDict]>([
    ['no state', {}, {}],
    ['a state of the cursor', { updated: '2025-01-01' }, {}],
    ['a state of partitions', perPartition({ shop: 1, parent_slice: {} }), router],
  ])('is not needed for %s', (_name, state, more) => {
    expect(migrated(state, more)).toBe(state)
  })

  it.each<[string, Dict, PlainDict]>([
    ['another field', { updated: '2025-01-01', prior: {} }, {}],
    ['an empty value', { updated: '' }, {}],
    ['partitions by their keys', { 7: { updated: '2025-01-01' } }, router],
    ['partitions without parent_slice', perPartition({ shop: 1 }), router],
  ])('that is not replaced refuses a state of an older form: %s', (_name, state, more) => {
    expect(() => migrated(state, more)).toThrow('source_x.Migration, which would bring it')
  })

  it('can be replaced', () => {
    registerComponent('stateMigration', 'source_x.Replaced', () => ({
      shouldMigrate: (state) => get(state, 'updated') === '',
      migrate: () => ({ updated: '2024-01-01' }),
    }))
    expect(migrated({ updated: '' }, {}, 'source_x.Replaced')).toEqual({ updated: '2024-01-01' })
  })
})
