import { describe, expect, test } from 'vitest'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { answeredBuilder } from '../answered-builder.ts'
import { response } from '../body.ts'
import type { BuildContext } from '../../../../manifest-interpreter/component.ts'
import type {
  Paginator,
  ReadPage,
  RequestScope,
} from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

function paginator(
  definition: PlainDict,
  {
    config = {},
    decoder = { type: 'JsonDecoder' },
    ...context
  }: Partial<Omit<BuildContext, 'decoder'>> & {
    readonly config?: Dict
    readonly decoder?: PlainDict
  } = {},
): Paginator {
  const { builder } = answeredBuilder({ config })
  const built = builder.build('decoder', decoder, { streamName: 'items' })
  return builder.build(
    'paginator',
    { type: 'DefaultPaginator', ...definition },
    {
      streamName: 'items',
      decoder: built,
      ...context,
    },
  )
}

const option = (inject_into: string, field_name: string) => ({
  type: 'RequestOption',
  inject_into,
  field_name,
})

function page(
  part: Partial<ReadPage> & { readonly body?: string; readonly headers?: [string, string][] },
): ReadPage {
  const { body = '{}', headers = [], ...rest } = part
  return {
    response: response(body, headers),
    count: 2,
    extracted: 2,
    lastRecord: { id: 2 },
    lastToken: null,
    slice: StreamSlice.empty,
    ...rest,
  }
}

function scope(token: Value = null, pageSizeOverride?: number): RequestScope {
  return {
    slice: StreamSlice.empty,
    nextPageToken: token === null ? null : { next_page_token: token },
    ...(pageSizeOverride !== undefined && { pageSizeOverride }),
  }
}

describe('DefaultPaginator', () => {
  const offset = { type: 'OffsetIncrement', page_size: 2 }

  test('puts the token and the size of the page where the manifest says', () => {
    const built = paginator({
      pagination_strategy: offset,
      page_size_option: option('request_parameter', 'limit'),
      page_token_option: {
        type: 'RequestOption',
        inject_into: 'body_json',
        field_path: ['page', 'offset'],
      },
    })
    expect(built.params(scope())).toEqual({ limit: 2 })
    expect(built.params(scope(4, 1))).toEqual({ limit: 1 })
    expect(built.bodyJson(scope())).toEqual({})
    expect(built.bodyJson(scope(4))).toEqual({ page: { offset: 4 } })
    expect(built.headers(scope(4))).toEqual({})
    expect(built.bodyData(scope(4))).toEqual({})
  })

  test('takes the token for the path of the next page where the manifest says so', () => {
    const built = paginator({
      pagination_strategy: { type: 'CursorPagination', cursor_value: '{{ response.next }}' },
      page_token_option: { type: 'RequestPath' },
    })
    expect(built.path(scope())).toBeNull()
    expect(built.path(scope('https://api.test/items?page=2'))).toBe('https://api.test/items?page=2')
    expect(built.params(scope('x'))).toEqual({})
  })

  test('needs a page size to put it on a request', () => {
    const definition = {
      pagination_strategy: { type: 'OffsetIncrement' },
      page_size_option: option('header', 'size'),
    }
    expect(() => paginator(definition)).toThrow('page_size_option cannot be set')
  })

  test('does not put both of its options in the same place', () => {
    const definition = {
      pagination_strategy: offset,
      page_size_option: option('request_parameter', 'x'),
      page_token_option: option('request_parameter', 'x'),
    }
    expect(() => paginator(definition)).toThrow(/duplicate keys|same|twice/i)
  })

  test.each([
    { type: 'CsvDecoder' },
    { type: 'JsonlDecoder' },
    { type: 'IterableDecoder' },
    { type: 'ZipfileDecoder', decoder: { type: 'JsonDecoder' } },
    { type: 'JsonItemsDecoder', items_path: 'a' },
  ])('refuses what the reference does not page through: $type', (decoder) => {
    expect(() => paginator({ pagination_strategy: offset }, { decoder })).toThrow(
      'does not support pagination',
    )
  })

  test.each([{ type: 'XmlDecoder' }, { type: 'GzipDecoder', decoder: { type: 'JsonDecoder' } }])(
    'takes $type',
    (decoder) => {
      expect(paginator({ pagination_strategy: offset }, { decoder }).pageSize()).toBe(2)
    },
  )
})

describe('OffsetIncrement', () => {
  const next = async (strategy: PlainDict, part: Parameters<typeof page>[0], config: Dict = {}) => {
    const definition = { pagination_strategy: { type: 'OffsetIncrement', ...strategy } }
    return (await paginator(definition, { config }).next(page(part)))?.next_page_token ?? null
  }

  test('counts the records that the extractor gave, whatever a filter dropped', async () => {
    expect(await next({ page_size: 2 }, { count: 0 })).toBe(2)
    expect(await next({ page_size: 2 }, { lastToken: 4 })).toBe(6)
  })

  test('ends at a page with fewer records than were asked for, and at an empty one', async () => {
    expect(await next({ page_size: 3 }, {})).toBeNull()
    expect(await next({ page_size: 3 }, { pageSizeOverride: 2 })).toBe(2)
    expect(await next({}, {})).toBe(2)
    expect(await next({}, { extracted: 0 })).toBeNull()
  })

  test('takes its page size from text and templates', async () => {
    expect(await next({ page_size: '3' }, {})).toBeNull()
    expect(await next({ page_size: "{{ config['size'] }}" }, {}, { size: 3 })).toBeNull()
    expect(await next({ page_size: '{{ response.size or 9 }}' }, { body: '{"size": 2}' })).toBe(2)
  })

  test('refuses a page size that is no whole number, and a token that is none', async () => {
    const definition = {
      pagination_strategy: { type: 'OffsetIncrement', page_size: "{{ config['size'] }}" },
    }
    expect(() => paginator(definition, { config: { size: 'many' } }).pageSize()).toThrow(
      'whole number',
    )
    await expect(next({ page_size: 2 }, { lastToken: 'x' })).rejects.toThrow('whole number')
  })

  test('begins with 0 where the manifest says so', () => {
    const first = (inject_on_first_request: boolean) =>
      paginator({
        pagination_strategy: { type: 'OffsetIncrement', inject_on_first_request },
      }).initialToken()
    expect(first(true)).toBe(0)
    expect(first(false)).toBeNull()
  })

  test('does not go with the sum of several extractors', () => {
    const inner = { type: 'CombinedExtractor', extractors: [] }
    const definition = { pagination_strategy: { type: 'OffsetIncrement', page_size: 2 } }
    for (const extractor of [
      inner,
      { type: 'CombinedExtractor', mode: 'first_match', extractors: [inner] },
    ])
      expect(() => paginator(definition, { extractor })).toThrow('mode "union" is not supported')
    expect(paginator(definition, { extractor: { ...inner, mode: 'first_match' } }).pageSize()).toBe(
      2,
    )
  })
})

describe('PageIncrement', () => {
  const next = async (strategy: PlainDict, part: Parameters<typeof page>[0]) => {
    const definition = { pagination_strategy: { type: 'PageIncrement', ...strategy } }
    return (await paginator(definition).next(page(part)))?.next_page_token ?? null
  }

  test('counts pages from its first one', async () => {
    expect(await next({ page_size: 2 }, {})).toBe(1)
    expect(await next({ page_size: 2, start_from_page: 1 }, {})).toBe(2)
    expect(await next({ page_size: 2 }, { lastToken: 7 })).toBe(8)
    expect(await next({ page_size: 3 }, {})).toBeNull()
    expect(await next({}, { extracted: 0 })).toBeNull()
  })

  test('begins with its first page where the manifest says so', () => {
    const strategy = { type: 'PageIncrement', start_from_page: 3, inject_on_first_request: true }
    expect(paginator({ pagination_strategy: strategy }).initialToken()).toBe(3)
  })

  test('cannot go on with a smaller page', async () => {
    await expect(next({ page_size: 2 }, { pageSizeOverride: 1 })).rejects.toMatchObject({
      failureType: 'config_error',
    })
  })
})

describe('CursorPagination', () => {
  const next = async (strategy: PlainDict, part: Parameters<typeof page>[0]) => {
    const definition = { pagination_strategy: { type: 'CursorPagination', ...strategy } }
    return (await paginator(definition).next(page(part)))?.next_page_token ?? null
  }

  test('sees the body, of a list its first element', async () => {
    expect(await next({ cursor_value: '{{ response.next }}' }, { body: '{"next": "c2"}' })).toBe(
      'c2',
    )
    expect(await next({ cursor_value: '{{ response.next }}' }, { body: '[{"next": "c3"}]' })).toBe(
      'c3',
    )
    expect(await next({ cursor_value: '{{ response.next }}' }, { body: 'no JSON' })).toBeNull()
  })

  test('sees the headers, with links by their relation', async () => {
    const headers: [string, string][] = [
      ['X-Next', 'c4'],
      ['Link', '<https://api.test/?page=2>; rel="next", <https://api.test/>; rel="first"'],
    ]
    expect(await next({ cursor_value: "{{ headers['X-Next'] }}" }, { headers })).toBe('c4')
    const cursor_value = "{{ headers['link']['next']['url'] }}"
    expect(await next({ cursor_value }, { headers })).toBe('https://api.test/?page=2')
  })

  test('sees the last record, the size of the page and the slice', async () => {
    const slice = new StreamSlice({ partition: { id: 'p' } })
    const cursor_value =
      '{{ last_record.id }}-{{ last_page_size }}-{{ page_size }}-{{ stream_slice.id }}'
    expect(await next({ cursor_value, page_size: 5 }, { slice })).toBe('2-2-5-p')
    expect(await next({ cursor_value, page_size: 5 }, { slice, pageSizeOverride: 3 })).toBe(
      '2-2-3-p',
    )
  })

  test('ends at its stop condition, and at a token that is false', async () => {
    const stops = { cursor_value: '{{ response.next }}', stop_condition: '{{ response.last }}' }
    expect(await next(stops, { body: '{"next": 2, "last": true}' })).toBeNull()
    expect(await next(stops, { body: '{"next": 2, "last": false}' })).toBe(2)
    expect(await next(stops, { body: '{"next": 0, "last": false}' })).toBeNull()
  })

  test('refuses templates that read page_size where there is none', async () => {
    const strategy = { cursor_value: 'x', stop_condition: '{{ last_page_size < page_size }}' }
    await expect(next(strategy, {})).rejects.toThrow('reads page_size')
    const configured = {
      cursor_value: 'x',
      stop_condition: "{{ last_page_size < config['page_size'] }}",
    }
    await expect(next(configured, {})).resolves.toBeDefined()
  })

  test('evaluates its page size with the configuration', () => {
    const strategy = {
      type: 'CursorPagination',
      cursor_value: 'x',
      page_size: "{{ config['size'] }}",
    }
    expect(paginator({ pagination_strategy: strategy }, { config: { size: '7' } }).pageSize()).toBe(
      7,
    )
    expect(() => paginator({ pagination_strategy: strategy }, { config: { size: 'x' } })).toThrow(
      'whole number',
    )
  })
})

test('NoPagination ends after one page and adds nothing', async () => {
  const { builder } = answeredBuilder()
  const none = builder.build('paginator', { type: 'NoPagination' }, { streamName: 'items' })
  expect(await none.next(page({}))).toBeNull()
  expect([none.initialToken(), none.pageSize(), none.path(scope('x'))]).toEqual([null, null, null])
  expect([none.params(scope()), none.headers(scope()), none.bodyJson(scope())]).toEqual([
    {},
    {},
    {},
  ])
})
