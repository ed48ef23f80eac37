import { describe, expect, it } from 'vitest'
import { buildQueryProperties } from '../../../../manifest-interpreter/components/query-properties/query-properties.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { RecordMerger } from '../../../../manifest-interpreter/components/query-properties/record-merger.ts'
import type { Dict, PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const letters = ['a', 'b', 'c', 'd', 'e']

function build(definition: PlainDict, configuredSchema: PlainDict | null = null) {
  const answered = answeredBuilder({
    bodies: { '/properties': '{"results": [{"name": "a"}, {"name": "b"}, {"other": 1}]}' },
  })
  const context = { streamName: 'users', configuredSchema }
  const query = buildQueryProperties(
    { type: 'QueryProperties', ...definition },
    answered.builder,
    context,
  )
  return { ...answered, query }
}

async function chunksOf(definition: PlainDict, configuredSchema: PlainDict | null = null) {
  const chunks: (readonly string[])[] = []
  for await (const chunk of build(definition, configuredSchema).query.chunks()) chunks.push(chunk)
  return chunks
}

function chunking(fields: PlainDict): PlainDict {
  return {
    property_chunking: {
      type: 'PropertyChunking',
      property_limit_type: 'property_count',
      ...fields,
    },
  }
}

describe('the properties of requests', () => {
  it('come in one request where nothing limits them', async () => {
    const definition = { property_list: letters, always_include_properties: ['id'] }
    expect(await chunksOf(definition)).toEqual([['id', ...letters]])
  })

  it('come in chunks of a number', async () => {
    const definition = {
      property_list: letters,
      always_include_properties: ['id'],
      ...chunking({ property_limit: 2 }),
    }
    expect(await chunksOf(definition)).toEqual([
      ['id', 'a', 'b'],
      ['id', 'c', 'd'],
      ['id', 'e'],
    ])
  })

  it('come in chunks of a length, with separators', async () => {
    const definition = {
      property_list: ['é😀', 'b', 'c'],
      ...chunking({ property_limit_type: 'characters', property_limit: 9 }),
    }
    expect(await chunksOf(definition)).toEqual([['é😀', 'b'], ['c']])
  })

  it('that are longer than a chunk come alone, after an empty one as in the reference', async () => {
    const definition = {
      property_list: ['abcdef'],
      ...chunking({ property_limit_type: 'characters', property_limit: 4 }),
    }
    expect(await chunksOf(definition)).toEqual([[], ['abcdef']])
  })

  it('end with those of all chunks where there is no limit', async () => {
    const definition = { property_list: ['a'], always_include_properties: ['id'], ...chunking({}) }
    expect(await chunksOf(definition)).toEqual([['a', 'id']])
  })

  it('are those that the configured catalog selects', async () => {
    const definition = {
      property_list: letters,
      property_selector: {
        type: 'JsonSchemaPropertySelector',
        transformations: [{ type: 'KeysReplace', old: 'x_', new: '' }],
      },
    }
    const selected = { properties: { x_a: {}, c: {}, other: {} } }
    expect(await chunksOf(definition, selected)).toEqual([['a', 'c']])
    expect(await chunksOf({ ...definition, ...chunking({ property_limit: 1 }) }, selected)).toEqual(
      [['a'], ['c']],
    )
    expect(await chunksOf(definition, {})).toEqual([[]])
    expect(await chunksOf(definition)).toEqual([letters])
    expect(selected).toEqual({ properties: { x_a: {}, c: {}, other: {} } })
  })

  it('are asked for once where an endpoint names them', async () => {
    const { query, requested } = build({
      property_list: {
        type: 'PropertiesFromEndpoint',
        property_field_path: ['name'],
        retriever: {
          type: 'SimpleRetriever',
          requester: {
            type: 'HttpRequester',
            url_base: 'https://api.example.com',
            path: '/properties',
            http_method: 'GET',
          },
          record_selector: {
            type: 'RecordSelector',
            extractor: { type: 'DpathExtractor', field_path: ['results'] },
          },
        },
      },
    })
    const chunks: (readonly string[])[] = []
    for (let i = 0; i < 2; i++) for await (const chunk of query.chunks()) chunks.push(chunk)
    expect(chunks).toEqual([
      ['a', 'b', '[]'],
      ['a', 'b', '[]'],
    ])
    expect(requested).toHaveLength(1)
  })
})

/** The records that are complete at once. */
function merged(merger: RecordMerger, records: readonly Dict[]): readonly Dict[] {
  return [...merger.merge(records)].flat()
}

describe('the records of chunks', () => {
  const merging = (key: PlainDict) => ({
    property_list: letters,
    ...chunking({
      property_limit: 2,
      record_merge_strategy: { type: 'GroupByKeyMergeStrategy', ...key },
    }),
  })

  it('are merged by their key, nested objects too', () => {
    const merger = build(merging({ key: ['id', 'kind'] })).query.newMerger()
    const first = { id: '1', kind: 'k', nested: { a: 1 }, x: 1 }
    expect(merged(merger, [first, { id: '2', kind: 'k' }])).toEqual([])
    expect(merged(merger, [{ id: '1', kind: 'k', nested: { b: 2 }, x: 2 }])).toEqual([])
    expect(merger.finish()).toEqual([
      { id: '1', kind: 'k', nested: { a: 1, b: 2 }, x: 2 },
      { id: '2', kind: 'k' },
    ])
    expect(first).toEqual({ id: '1', kind: 'k', nested: { a: 1 }, x: 1 })
  })

  it('without a key are complete at once', () => {
    const merger = build(merging({ key: 'id' })).query.newMerger()
    expect(merged(merger, [{ a: 1 }, { id: '' }, { id: '1' }])).toEqual([{ a: 1 }, { id: '' }])
    expect(merger.finish()).toEqual([{ id: '1' }])
  })

  it('fail for a key that is no text, as in the reference', () => {
    const merger = build(merging({ key: 'id' })).query.newMerger()
    expect(() => merged(merger, [{ id: 1 }])).toThrow(
      'sequence item 0: expected str instance, int found',
    )
  })

  it('are given before one that fails', () => {
    const merger = build(merging({ key: 'id' })).query.newMerger()
    const batches = merger.merge([{ id: 0 }, { id: 5 }])[Symbol.iterator]()
    expect(batches.next().value).toEqual([{ id: 0 }])
    expect(() => batches.next()).toThrow('expected str instance')
  })

  it('are complete where the properties are not split', () => {
    const merger = build({ property_list: letters }).query.newMerger()
    expect(merged(merger, [{ id: 1 }])).toEqual([{ id: 1 }])
    expect(merger.finish()).toEqual([])
  })

  it('are merged by their id where no strategy is named', () => {
    const merger = build({
      property_list: letters,
      ...chunking({ property_limit: 1 }),
    }).query.newMerger()
    expect(
      merged(merger, [
        { id: '1', a: 1 },
        { id: '1', b: 1 },
      ]),
    ).toEqual([])
    expect(merger.finish()).toEqual([{ id: '1', a: 1, b: 1 }])
  })
})
