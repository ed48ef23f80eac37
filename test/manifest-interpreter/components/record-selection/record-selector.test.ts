import { describe, expect, it } from 'vitest'
import { SourceError } from '../../../../manifest-interpreter/contracts.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { Dict, PlainDict } from '../../../../manifest-interpreter/value/value.ts'

interface Read {
  readonly records: readonly Dict[]
  readonly error: unknown
  readonly logged: readonly unknown[]
}

/** Reads one page of a stream with this selector. */
async function read(
  data: string,
  parts: {
    readonly selector?: PlainDict
    readonly stream?: PlainDict
    readonly slice?: StreamSlice
  },
): Promise<Read> {
  const { builder, logged } = answeredBuilder({ bodies: { '/users': `{"data": ${data}}` } })
  const definition: PlainDict = {
    type: 'DeclarativeStream',
    name: 'users',
    retriever: {
      type: 'SimpleRetriever',
      requester: {
        type: 'HttpRequester',
        url_base: 'https://api.example.com',
        path: '/users',
        http_method: 'GET',
      },
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: ['data'] },
        ...parts.selector,
      },
    },
    schema_loader: { type: 'InlineSchemaLoader', schema: {} },
    ...parts.stream,
  }
  const stream = builder.build('stream', definition, { streamName: 'users' })
  const records: Dict[] = []
  try {
    for await (const batch of stream.retriever.read(parts.slice ?? StreamSlice.empty))
      records.push(...batch)
    return { records, error: null, logged }
  } catch (error) {
    return { records, error, logged }
  }
}

function filter(condition: string): PlainDict {
  return { record_filter: { type: 'RecordFilter', condition } }
}
const doubled: PlainDict = {
  transformations: [
    { type: 'AddFields', fields: [{ path: ['double'], value: '{{ record.id * 2 }}' }] },
  ],
}
const threeIds = '[{"id": 1}, {"id": 2}, {"id": 3}]'

describe('a record selector', () => {
  it('filters before it transforms', async () => {
    const selector = filter('{{ record.double == 4 or record.id == 3 }}')
    expect((await read(threeIds, { selector, stream: doubled })).records).toEqual([
      { id: 3, double: 6 },
    ])
  })

  it('transforms before it filters where the manifest says so', async () => {
    const selector = { ...filter('{{ record.double == 4 }}'), transform_before_filtering: true }
    expect((await read(threeIds, { selector, stream: doubled })).records).toEqual([
      { id: 2, double: 4 },
    ])
  })

  it('keeps no record for an empty condition', async () => {
    expect((await read(threeIds, { selector: filter('') })).records).toEqual([])
  })

  it('shows the partition to the filter, and no page token', async () => {
    const selector = filter(
      "{{ record.id == stream_partition['want'] and next_page_token is none }}",
    )
    const slice = new StreamSlice({ partition: { want: 2 } })
    expect((await read(threeIds, { selector, slice })).records).toEqual([{ id: 2 }])
  })

  it('gives the records before one that fails', async () => {
    const stream = {
      transformations: [{ type: 'AddFields', fields: [{ path: ['nested', 'x'], value: '1' }] }],
    }
    const { records, error } = await read('[{"id": 1}, {"nested": null}, {"id": 3}]', { stream })
    expect(records).toEqual([{ id: 1, nested: { x: 1 } }])
    expect(error).toBeInstanceOf(Error)
  })

  it('keeps nulls of records and drops what is no record by a filter', async () => {
    const selector = filter('{{ record.id }}')
    expect((await read('[null, {"id": 1, "a": null}, "x"]', { selector })).records).toEqual([
      { id: 1, a: null },
    ])
  })

  it('fails for what is no record, without its contents', async () => {
    const { records, error } = await read('[{"id": 1}, "secret"]', {})
    expect(records).toEqual([{ id: 1 }])
    expect(error).toBeInstanceOf(SourceError)
    expect(String(error)).toContain('users')
    expect(String(error)).not.toContain('secret')
  })

  it('casts records to the schema after their transformation and logs a misfit once', async () => {
    const stream = {
      ...doubled,
      schema_loader: {
        type: 'InlineSchemaLoader',
        schema: {
          properties: {
            id: { type: 'string' },
            double: { type: 'string' },
            n: { type: 'integer' },
          },
        },
      },
    }
    const { records, logged } = await read('[{"id": 1, "n": "x1"}, {"id": 2, "n": "x2"}]', {
      stream,
      selector: { schema_normalization: 'Default' },
    })
    expect(records).toEqual([
      { id: '1', double: '2', n: 'x1' },
      { id: '2', double: '4', n: 'x2' },
    ])
    expect(logged).toMatchObject([
      { stream: 'users', field: 'n', type: 'string', expected: 'integer' },
    ])
  })

  it('leaves the response as the paginator must see it', async () => {
    const stream = {
      transformations: [{ type: 'RemoveFields', field_pointers: [['nested', 'next']] }],
    }
    const paginated = {
      ...stream,
      retriever: {
        type: 'SimpleRetriever',
        requester: {
          type: 'HttpRequester',
          url_base: 'https://api.example.com',
          path: '/pages',
          http_method: 'GET',
        },
        record_selector: {
          type: 'RecordSelector',
          extractor: { type: 'DpathExtractor', field_path: ['data'] },
        },
        paginator: {
          type: 'DefaultPaginator',
          page_token_option: {
            type: 'RequestOption',
            inject_into: 'request_parameter',
            field_name: 'from',
          },
          pagination_strategy: {
            type: 'CursorPagination',
            cursor_value: "{{ response['data'][-1]['nested']['next'] }}",
          },
        },
      },
    }
    const { builder, requested } = answeredBuilder({
      bodies: {
        '/pages': '{"data": [{"nested": {"next": "p2", "a": 1}}]}',
        '/pages?from=p2': '{"data": [{"nested": {"next": "", "a": 2}}]}',
      },
    })
    const definition: PlainDict = {
      type: 'DeclarativeStream',
      name: 'users',
      schema_loader: { type: 'InlineSchemaLoader', schema: {} },
      ...paginated,
    }
    const { retriever } = builder.build('stream', definition, { streamName: 'users' })
    const records: Dict[] = []
    for await (const batch of retriever.read(StreamSlice.empty)) records.push(...batch)
    expect(records).toEqual([{ nested: { a: 1 } }, { nested: { a: 2 } }])
    expect(requested).toEqual([
      'https://api.example.com/pages',
      'https://api.example.com/pages?from=p2',
    ])
  })
})
