import { describe, expect, test } from 'vitest'
import { jsonDecoder } from '../../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { isPlainDict } from '../../../../manifest-interpreter/value/dict.ts'
import { answeredBuilder } from '../answered-builder.ts'
import { all, response } from '../body.ts'
import type { PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

async function expand(expander: PlainDict, records: Value, bodies: Record<string, string> = {}) {
  const { builder, requested, logged } = answeredBuilder({ bodies })
  const extractor = builder.build(
    'extractor',
    {
      type: 'DpathExtractor',
      field_path: ['data'],
      record_expander: { type: 'RecordExpander', ...expander },
    },
    { streamName: 'items', decoder: jsonDecoder() },
  )
  const found = await all(extractor.extract(response(JSON.stringify({ data: records }))))
  return { found, requested, logged }
}

describe('RecordExpander', () => {
  const lines = { expand_records_from_field: ['lines', 'data'] }

  test('makes a record of each item of a nested list', async () => {
    const parents = [
      { id: 1, lines: { data: [{ l: 1 }, 'text'] } },
      { id: 2 },
      'no object',
      { id: 3, lines: { data: {} } },
    ]
    expect((await expand(lines, parents)).found).toEqual([{ l: 1 }, 'text', 'no object'])
  })

  test('gives the parent where it has no items, if the manifest says so', async () => {
    const parents = [{ id: 1, lines: { data: [] } }]
    expect((await expand({ ...lines, on_no_records: 'emit_parent' }, parents)).found).toEqual(
      parents,
    )
  })

  test('expands the lists of all places that a pattern fits', async () => {
    const parents = [{ a: { data: [1] }, b: { data: [2, 3] } }]
    expect((await expand({ expand_records_from_field: ['*', 'data'] }, parents)).found).toEqual([
      1, 2, 3,
    ])
  })

  test('embeds a copy of the parent', async () => {
    const parent = { id: 1, lines: { data: [{ l: 1 }, 5] } }
    const { found } = await expand({ ...lines, remain_original_record: true }, [parent])
    expect(found).toEqual([
      { l: 1, original_record: parent },
      { value: 5, original_record: parent },
    ])
  })

  test('copies named fields of the parent, null where it has none', async () => {
    const { found } = await expand(
      {
        ...lines,
        parent_fields: [
          {
            type: 'ParentFieldPath',
            parent_path: ['owner', 'ids', '-1'],
            record_path: ['parent', 'owner'],
          },
          { type: 'ParentFieldPath', parent_path: ['no'], record_path: ['none'] },
        ],
      },
      [{ owner: { ids: [7, 8] }, lines: { data: [{ l: 1 }] } }],
    )
    expect(found).toEqual([{ l: 1, parent: { owner: 8 }, none: null }])
  })

  test('cannot copy a field into what is no object', async () => {
    const fields = [{ type: 'ParentFieldPath', parent_path: ['id'], record_path: ['l', 'id'] }]
    await expect(
      expand({ ...lines, parent_fields: fields }, [{ id: 1, lines: { data: [{ l: 1 }] } }]),
    ).rejects.toMatchObject({ failureType: 'config_error' })
  })

  test('merges the parent without its lists under each item, a copy each', async () => {
    const parents = [{ id: 1, x: { y: [1] }, lines: { data: [{ id: 2 }, { l: 3 }], total: 2 } }]
    const { found } = await expand({ ...lines, merge_parent: true }, parents)
    const rest = { x: { y: [1] }, lines: { total: 2 } }
    expect(found).toEqual([
      { id: 2, ...rest },
      { id: 1, ...rest, l: 3 },
    ])
    const [first, second] = found.filter(isPlainDict)
    expect(first?.x).not.toBe(second?.x)
  })

  test('asks for the whole list where it is cut off, and keeps the order of the parents', async () => {
    const retriever = {
      type: 'SimpleRetriever',
      requester: {
        type: 'HttpRequester',
        url_base: 'https://api.test',
        path: '/items/{{ stream_partition.parent_record.id }}',
      },
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: ['data'] },
      },
    }
    const parents = [1, 2, 3].map((id) => ({
      id,
      lines: { data: [{ embedded: id }], has_more: id > 1, total_count: 3 },
    }))
    const { found, requested, logged } = await expand(
      {
        ...lines,
        truncation_indicator_path: ['lines', 'has_more'],
        truncated_list_retriever: retriever,
      },
      parents,
      { '/items/2': '{"data": [{"l": 1}, {"l": 2}]}', '/items/3': '{"data": []}' },
    )
    expect(found).toEqual([{ embedded: 1 }, { l: 1 }, { l: 2 }, { embedded: 3 }])
    expect(requested).toEqual(['https://api.test/items/2', 'https://api.test/items/3'])
    expect(logged).toMatchObject([{ fetched: 2, total: 3 }])
  })

  test('refuses patterns where one field is meant', async () => {
    await expect(expand({ ...lines, truncation_indicator_path: ['*'] }, [])).rejects.toThrow(
      'Glob characters',
    )
    await expect(expand({ ...lines, truncated_list_retriever: {} }, [])).rejects.toThrow(
      'truncation_indicator_path is required',
    )
  })
})
