import { describe, expect, it } from 'vitest'
import { cartesianProductStreamSlicer } from '../../../../manifest-interpreter/components/partition-routers/cartesian-product-stream-slicer.ts'
import { firstPageOf } from '../../../../manifest-interpreter/components/partition-routers/lazy-first-page.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import {
  jsonResponse,
  simulatedEnvironment,
  type Api,
} from '../../support/simulated-environment.ts'
import { simulatedBuilder } from '../../support/simulated-builder.ts'
import type { PartitionRouter } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

function build(definition: PlainDict, options: { api?: Api; state?: Dict; config?: Dict } = {}) {
  const environment = simulatedEnvironment(options.api)
  const states = new Map(options.state === undefined ? [] : [['child', options.state]])
  const builder = simulatedBuilder(environment, { config: options.config ?? {}, states })
  const router = builder.build('partitionRouter', definition, { streamName: 'child' })
  return { environment, router }
}

async function slicesOf(router: PartitionRouter): Promise<StreamSlice[]> {
  const slices: StreamSlice[] = []
  for await (const slice of router.slices()) slices.push(slice)
  return slices
}

async function partitionsOf(router: PartitionRouter): Promise<Dict[]> {
  return (await slicesOf(router)).map(({ partition }) => partition)
}

const listOf = (values: Value, field = 'region'): PlainDict => ({
  type: 'ListPartitionRouter',
  values,
  cursor_field: field,
})

function parent(name: string, changes: PlainDict = {}, router?: PlainDict): PlainDict {
  return {
    type: 'DeclarativeStream',
    name,
    primary_key: 'id',
    retriever: {
      type: 'SimpleRetriever',
      requester: { type: 'HttpRequester', url_base: 'https://api.test', path: `/${name}` },
      ...(router !== undefined && { partition_router: router }),
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: ['data'] },
      },
    },
    schema_loader: { type: 'InlineSchemaLoader', schema: {} },
    ...changes,
  }
}

const incremental: PlainDict = {
  incremental_sync: {
    type: 'DatetimeBasedCursor',
    cursor_field: 'updated_at',
    datetime_format: '%Y-%m-%d',
    start_datetime: '2025-01-01',
  },
}

const substream = (stream: PlainDict, changes: PlainDict = {}): PlainDict => ({
  type: 'SubstreamPartitionRouter',
  parent_stream_configs: [
    {
      type: 'ParentStreamConfig',
      stream,
      parent_key: 'id',
      partition_field: 'parent_id',
      ...changes,
    },
  ],
})

const data =
  (...records: Value[]): Api =>
  () =>
    jsonResponse({ data: records })

describe('ListPartitionRouter', () => {
  it('gives a partition for each value, of a list or of a template', async () => {
    expect(await partitionsOf(build(listOf(['eu', 'us'])).router)).toEqual([
      { region: 'eu' },
      { region: 'us' },
    ])
    const { router } = build(listOf("{{ config['ids'] }}", 'id'), { config: { ids: [1, 2] } })
    expect(await partitionsOf(router)).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('puts the value on the request, unless it is empty', () => {
    const option = { type: 'RequestOption', inject_into: 'request_parameter', field_name: 'r' }
    const { router } = build({ ...listOf(['eu']), request_option: option })
    const scope = (region: Value) => ({
      slice: new StreamSlice({ partition: { region } }),
      nextPageToken: null,
    })
    expect(router.params(scope('eu'))).toEqual({ r: 'eu' })
    expect(router.params(scope(''))).toEqual({})
    expect(router.headers(scope('eu'))).toEqual({})
  })

  it('refuses values that cannot be listed', async () => {
    await expect(partitionsOf(build(listOf('{{ 5 }}')).router)).rejects.toThrow('not iterable')
  })
})

describe('SubstreamPartitionRouter', () => {
  it('gives a partition for each record of the parent that has the key', async () => {
    const { router } = build(
      substream(parent('parents'), { extra_fields: [['name'], ['a', 'b']] }),
      {
        api: data({ id: 1, name: 'x', a: { b: 2 } }, { id: null }, { other: 1 }, { id: 2 }),
      },
    )
    const slices = await slicesOf(router)
    expect(slices.map(({ partition }) => partition)).toEqual([
      { parent_id: 1, parent_slice: {} },
      { parent_id: 2, parent_slice: {} },
    ])
    expect(slices.map(({ extraFields }) => extraFields)).toEqual([
      { name: 'x', 'a.b': 2 },
      { name: null, 'a.b': null },
    ])
  })

  it('nests the partitions of grandparents', async () => {
    const grandparents = substream(parent('grandparents'), { partition_field: 'grand_id' })
    const { router } = build(substream(parent('parents', {}, grandparents)), {
      api: data({ id: 7 }),
    })
    expect(await partitionsOf(router)).toEqual([
      { parent_id: 7, parent_slice: { grand_id: 7, parent_slice: {} } },
    ])
  })

  it('finds a key deep in the record', async () => {
    const { router } = build(substream(parent('parents'), { parent_key: 'a/b' }), {
      api: data({ a: { b: 5 } }),
    })
    expect(await partitionsOf(router)).toEqual([{ parent_id: 5, parent_slice: {} }])
  })

  it('keeps the state of a parent that the child depends on', async () => {
    const { router } = build(
      substream(parent('parents', incremental), { incremental_dependency: true }),
      {
        api: data({ id: 1, updated_at: '2025-02-01' }, { id: 2, updated_at: '2025-02-03' }),
      },
    )
    await slicesOf(router)
    expect(router.parentState()).toEqual({ parents: { updated_at: '2025-02-03' } })
  })

  it.each<[string, Dict]>([
    ['its own state', { parent_state: { parents: { updated_at: '2025-02-10' } } }],
    ['the global state of the child', { state: { updated_at: '2025-02-10' } }],
    ['the only value of an old state', { some_field: '2025-02-10' }],
  ])('starts a parent from %s', (_, state) => {
    const definition = substream(parent('parents', incremental), { incremental_dependency: true })
    const { router } = build(definition, { state })
    expect(router.parentState()).toEqual({ parents: { updated_at: '2025-02-10' } })
  })

  it('does not start a parent from the state where the child does not depend on it', () => {
    const { router } = build(substream(parent('parents', incremental)), {
      state: { parent_state: { parents: { updated_at: '2025-02-10' } } },
    })
    expect(router.parentState()).toEqual({})
    expect(router.parents()[0]?.cursor.state()).not.toEqual({ updated_at: '2025-02-10' })
  })

  it('carries the first page of the child where it stands in the record of the parent', async () => {
    const { router } = build(substream(parent('parents'), { lazy_read_pointer: ['items'] }), {
      api: data({ id: 1, items: { data: [{ x: 1 }] } }, { id: 2 }),
    })
    const slices = await slicesOf(router)
    const pages = await Promise.all(slices.map((slice) => firstPageOf(slice).json()))
    expect(pages).toEqual([{ data: [{ x: 1 }] }, []])
  })

  it('refuses a lazy pointer with a wildcard', () => {
    expect(() => build(substream(parent('parents'), { lazy_read_pointer: ['*'] }))).toThrow(
      'not supported',
    )
  })
})

describe('a list of partition routers', () => {
  const product = (...routers: PlainDict[]): PartitionRouter =>
    cartesianProductStreamSlicer(routers, simulatedBuilder(simulatedEnvironment()), {
      streamName: 'child',
    })

  it('gives all combinations, the last router the fastest', async () => {
    const router = product(listOf([1, 2], 'i'), listOf(['a', 'b'], 's'))
    const partitions = await partitionsOf(router)
    expect(partitions).toEqual([
      { i: 1, s: 'a' },
      { i: 1, s: 'b' },
      { i: 2, s: 'a' },
      { i: 2, s: 'b' },
    ])
    expect(partitions.map((partition) => Object.keys(partition))[0]).toEqual(['s', 'i'])
  })

  it('gives nothing where one of them is empty', async () => {
    expect(await partitionsOf(product(listOf([1], 'i'), listOf([], 's')))).toEqual([])
  })
})

describe('GroupingPartitionRouter', () => {
  const grouping = (router: PlainDict, changes: PlainDict = {}): PlainDict => ({
    type: 'GroupingPartitionRouter',
    group_size: 2,
    underlying_partition_router: router,
    ...changes,
  })

  it('puts partitions together, each value once', async () => {
    const { router } = build(grouping(listOf(['a', 'b', 'a', 'c'])))
    expect(await partitionsOf(router)).toEqual([{ region: ['a', 'b'] }, { region: ['c'] }])
  })

  it('keeps duplicates where the manifest says so', async () => {
    const { router } = build(grouping(listOf(['a', 'a', 'b']), { deduplicate: false }))
    expect(await partitionsOf(router)).toEqual([{ region: ['a', 'a'] }, { region: ['b'] }])
  })

  it('groups the fields that come along', async () => {
    const { router } = build(grouping(substream(parent('parents'), { extra_fields: [['n']] })), {
      api: data({ id: 1, n: 'x' }, { id: 2 }),
    })
    const [slice] = await slicesOf(router)
    expect(slice).toMatchObject({
      partition: { parent_id: [1, 2], parent_slice: [{}, {}] },
      extraFields: { n: ['x', null] },
    })
  })

  it('refuses what it cannot put on requests', () => {
    const option = { type: 'RequestOption', inject_into: 'header', field_name: 'r' }
    expect(() => build(grouping({ ...listOf(['a']), request_option: option }))).toThrow(
      'Request options are not supported for GroupingPartitionRouter.',
    )
  })
})

describe('UnionPartitionRouter', () => {
  const union = (...routers: PlainDict[]): PlainDict => ({
    type: 'UnionPartitionRouter',
    partition_field: 'parent_id',
    partition_routers: routers,
  })

  it('gives the partitions of all routers, each value once, and nothing else in them', async () => {
    const { router } = build(union(listOf([1, 2], 'parent_id'), substream(parent('parents'))), {
      api: data({ id: 2 }, { id: 3 }, { id: 1.5 }),
    })
    const slices = await slicesOf(router)
    expect(slices.map(({ partition }) => partition)).toEqual([
      { parent_id: 1 },
      { parent_id: 2 },
      { parent_id: 3 },
      { parent_id: 1.5 },
    ])
    expect(slices[2]?.extraFields).toEqual({ parent_slice: {} })
  })

  it('refuses routers of other fields, and values that cannot be compared', async () => {
    expect(() => build(union(listOf([1], 'other'), listOf([1], 'parent_id')))).toThrow("'other'")
    const { router } = build(union(listOf([[1]], 'parent_id'), listOf([2], 'parent_id')))
    await expect(partitionsOf(router)).rejects.toThrow('hashable')
  })
})
