import { expect, test } from 'vitest'
import { manifestApi, type Answer } from './read-manifest.ts'

const manifest = (
  url: string,
  { more = '', retriever = '' }: { more?: string; retriever?: string } = {},
): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: ${url}, path: orders, error_handler: { type: DefaultErrorHandler, max_retries: 0 } }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
      ${retriever}
    ${more}
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { id: { type: integer }, at: { type: string, format: date } } }
`

const windows = `incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: at
      datetime_format: '%Y-%m-%d'
      cursor_granularity: P1D
      step: P10D
      start_datetime: '2025-01-01'
      end_datetime: '2025-01-30'
      start_time_option: { type: RequestOption, inject_into: request_parameter, field_name: since }`

const html: Answer = { type: 'text/html', body: '<!doctype html><title>Maintenance</title>' }

/** Each window has one record, of its first day. */
const orderOf = (url: URL): Answer => {
  const since = url.searchParams.get('since')
  return { body: JSON.stringify([{ id: Number(since?.slice(-2)), at: since }]) }
}

test('a window whose answer cannot be read is asked for again by the next run', async () => {
  let isMended = false
  await using shop = await manifestApi(
    (url) => manifest(url, { more: windows }),
    (url) => (url.searchParams.get('since') === '2025-01-11' && !isMended ? html : orderOf(url)),
  )
  const first = await shop.read()
  expect(first.error).toMatchObject({ code: 'source_answer_unreadable', retryable: true })
  expect(first.error?.message).toContain(
    `GET ${shop.base}orders was no JSON (text/html, begins with <!doctype html)`,
  )
  expect(first.out.covered.map(({ id }) => id)).toEqual([1])
  isMended = true
  shop.urls.length = 0
  const second = await shop.read({ state: first.out.lastState })
  expect(second.error).toBeUndefined()
  expect(shop.urls).toContain('/orders?since=2025-01-11')
  expect(second.out.covered.map(({ id }) => id)).toEqual(expect.arrayContaining([11, 21]))
})

test.each([
  ['appended to', 'append'],
  ['replaced', 'overwrite'],
] as const)('a full read of a table that is %s fails with the window', async (_how, mode) => {
  const partitions =
    'partition_router: { type: ListPartitionRouter, cursor_field: shop, values: [a, b], request_option: { type: RequestOption, inject_into: request_parameter, field_name: shop } }'
  await using shop = await manifestApi(
    (url) => manifest(url, { retriever: partitions }),
    (url) => (url.searchParams.get('shop') === 'b' ? html : { body: '[{"id":1}]' }),
  )
  const { error, out } = await shop.read({
    sync: { sync_mode: 'full_refresh', destination_sync_mode: mode },
  })
  expect(error).toMatchObject({ code: 'source_answer_unreadable' })
  expect(out.states).toEqual([])
})

test.each([
  ['null', { body: 'null' }, 'the JSON value null, which holds no records (application/json)'],
  ['false', { body: ' false' }, 'the JSON value false, which holds no records (application/json)'],
  ['0', { body: '0' }, 'the JSON value 0, which holds no records (application/json)'],
  ['""', { body: '""' }, 'the JSON value "", which holds no records (application/json)'],
  ['304', { status: 304, body: '' }, 'no JSON (application/json, empty)'],
])('an answer of %s cannot be read', async (_name, answer, found) => {
  await using shop = await manifestApi(
    (url) => manifest(url),
    () => answer,
  )
  const { error } = await shop.read({
    sync: { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
  })
  expect(error).toMatchObject({ code: 'source_answer_unreadable' })
  expect(error?.message).toContain(`GET ${shop.base}orders was ${found}`)
})

test.each([
  ['an empty object', '{}'],
  ['an empty list', '[]'],
])('%s is an answer without records', async (_name, body) => {
  await using shop = await manifestApi(
    (url) => manifest(url),
    () => ({ body }),
  )
  const { error, warnings } = await shop.read()
  expect(error).toBeUndefined()
  expect(warnings).toEqual([])
})

test('an answer in another charset than UTF-8 is said to be in it', async () => {
  await using shop = await manifestApi(manifest, () => ({
    type: 'application/json; charset=iso-8859-1',
    body: Buffer.from('[{"id":1,"at":"Café"}]', 'latin1'),
  }))
  const { error } = await shop.read()
  expect(error?.message).toContain(
    `GET ${shop.base}orders was no JSON (application/json; charset=iso-8859-1, begins like JSON, and is not in UTF-8)`,
  )
})

test('an answer that is UTF-8 is read so, whatever it declares', async () => {
  await using shop = await manifestApi(
    (url) => manifest(url),
    () => ({
      type: 'application/json; charset=iso-8859-1',
      body: '[{"id":1,"at":"Café"}]',
    }),
  )
  expect((await shop.read()).out.rows).toEqual([{ id: 1, at: 'Café' }])
})

test('a large answer in another charset than UTF-8 is said to be none in UTF-8', async () => {
  const orders = Array.from({ length: 90_000 }, (_, id) => ({ id, at: 'é'.repeat(90) }))
  await using shop = await manifestApi(manifest, () => ({
    type: 'application/json; charset=iso-8859-1',
    body: Buffer.from(JSON.stringify(orders), 'latin1'),
  }))
  const { error, out } = await shop.read()
  expect(error?.message).toContain('UTF-8')
  expect(out.covered).toEqual([])
})
