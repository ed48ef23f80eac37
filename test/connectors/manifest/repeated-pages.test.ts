import { expect, test } from 'vitest'
import { manifestApi, type Answer } from './read-manifest.ts'

const manifest = (url: string, paginator: string, more = ''): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: ${url}, path: orders }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [data] } }
      paginator: { type: DefaultPaginator, ${paginator} }
    ${more}
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { id: { type: integer } } }
`

const byToken =
  'page_token_option: { type: RequestOption, inject_into: request_parameter, field_name: scroll_id }, pagination_strategy: { type: CursorPagination, cursor_value: "{{ response.next }}" }'
const byUrl =
  'page_token_option: { type: RequestPath }, pagination_strategy: { type: CursorPagination, cursor_value: "{{ response.next }}" }'
const byNumber =
  'page_token_option: { type: RequestOption, inject_into: request_parameter, field_name: page }, pagination_strategy: { type: PageIncrement, page_size: 2 }'
const byOffset =
  'page_token_option: { type: RequestOption, inject_into: body_json, field_path: [page, from] }, pagination_strategy: { type: OffsetIncrement, page_size: 2 }'
const stamped =
  'transformations: [{ type: AddFields, fields: [{ path: [seen], value: "{{ now_utc() }}" }] }]'

const json = (value: unknown): Answer => ({ body: JSON.stringify(value) })
const two = [{ id: 1 }, { id: 2 }]

/** Ends a test that would not end: the response is then one that ends the paging. */
const limited =
  (most: number, answer: (url: URL, count: number) => Answer) =>
  (url: URL, count: number): Answer =>
    count > most ? json({}) : answer(url, count)

const scroll = 'request_parameter "scroll_id"'
const sameAnswer = () => json({ data: two, next: 'T' })

interface Repeated {
  readonly paginator?: string
  readonly more?: string
  readonly answer: (url: URL, count: number) => Answer
  readonly place?: string
  readonly most?: number
}

test.each<[string, Repeated]>([
  ['the same answer', { answer: sameAnswer }],
  ['the same answer, whose records get the time', { answer: sameAnswer, more: stamped }],
  [
    'the same records in another answer',
    { answer: (_, took) => json({ took, data: two, next: 'T' }) },
  ],
  [
    'the same URL',
    {
      paginator: byUrl,
      answer: () => json({ data: two, next: '/orders?page=2' }),
      place: 'the path of the request',
    },
  ],
  ['the same empty answer', { answer: () => json({ data: [], next: 'T' }), most: 15 }],
])('a token that comes again with %s fails the stream', async (_what, repeated) => {
  const { paginator = byToken, more = '', answer, place = scroll, most = 5 } = repeated
  await using shop = await manifestApi(
    (url) => manifest(url, paginator, more),
    limited(100, answer),
  )
  const { error } = await shop.read()
  expect(error).toMatchObject({ code: 'source_mismatch', retryable: false })
  expect(error?.message).toContain('orders')
  expect(error?.message).toContain(
    `the API returns the token of the requested page (${place}) as that of the next one, with the same response`,
  )
  expect(shop.urls.length).toBeLessThanOrEqual(most)
})

test.each([
  ['page', byNumber, 'request_parameter "page"'],
  ['offset', byOffset, 'body_json "page.from"'],
])('an API that ignores the %s fails the stream', async (_what, paginator, place) => {
  await using shop = await manifestApi(
    (url) => manifest(url, paginator),
    limited(100, () => json({ data: two })),
  )
  const { error } = await shop.read()
  expect(error).toMatchObject({ code: 'source_mismatch' })
  expect(error?.message).toContain(`the API returns the same response for each page (${place})`)
  expect(shop.urls.length).toBeLessThanOrEqual(15)
})

test('a token that comes again while the records advance is followed', async () => {
  await using shop = await manifestApi(
    (url) => manifest(url, byToken),
    (_url, count) => json({ data: count > 20 ? [] : [{ id: count }], next: count > 20 ? '' : 'T' }),
  )
  const { error, out } = await shop.read()
  expect(error).toBeUndefined()
  expect(out.rows.length).toBe(20)
})

test('some equal pages are read, as data without keys may be equal', async () => {
  await using shop = await manifestApi(
    (url) => manifest(url, byNumber),
    (_url, count) => json({ data: count > 5 ? [] : two }),
  )
  const { error, out } = await shop.read()
  expect(error).toBeUndefined()
  expect(out.rows.length).toBe(10)
})

test('an answer that is empty until the records are there is waited for', async () => {
  await using shop = await manifestApi(
    (url) => manifest(url, byToken),
    (_url, count) => json(count < 6 ? { data: [], next: 'T' } : { data: two }),
  )
  const { error, out } = await shop.read()
  expect(error).toBeUndefined()
  expect(out.rows.length).toBe(2)
})

test.each([2, 3, 7])('a circle of %s pages fails the stream', async (length) => {
  await using shop = await manifestApi(
    (url) => manifest(url, byToken),
    limited(200, (url) => {
      const page = Number(url.searchParams.get('scroll_id') ?? 1)
      return json({ data: [{ id: page }], next: String((page % length) + 1) })
    }),
  )
  const { error } = await shop.read()
  expect(error).toMatchObject({ code: 'source_mismatch', retryable: false })
  expect(error?.message).toContain(
    `the API returns the same pages in a circle: their tokens (${scroll})`,
  )
  expect(shop.urls.length).toBeLessThanOrEqual(70)
})

test('tokens that come again with other records are followed', async () => {
  await using shop = await manifestApi(
    (url) => manifest(url, byToken),
    (_url, count) =>
      json(count > 60 ? { data: [] } : { data: [{ id: count }], next: String((count % 2) + 1) }),
  )
  const { error, out } = await shop.read()
  expect(error).toBeUndefined()
  expect(out.rows.length).toBe(60)
})
