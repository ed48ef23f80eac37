import { expect, test } from 'vitest'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../../manifest-interpreter/source/manifest-source.ts'
import type { SourceFailure } from '../../../manifest-interpreter/source/messages.ts'
import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'
import { isDict } from '../../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { jsonResponse, simulatedEnvironment, type Api } from '../support/simulated-environment.ts'

const manifestText = (path: string, more = '', transformation = ''): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: https://api.test/, path: "${path}" }
      record_selector:
        type: RecordSelector
        extractor: { type: DpathExtractor, field_path: [] }
      ${more}
    ${transformation}
`

async function readOrders(manifest: string, api: Api = () => jsonResponse([{ id: 1 }])) {
  const failures: SourceFailure[] = []
  const environment = simulatedEnvironment(api)
  await using source = new ManifestSource({
    manifest: loadManifest(manifest),
    config: {},
    environment,
  })
  const thrown: unknown = await source
    .read(
      { catalog: dict({ streams: [{ stream: { name: 'orders' }, sync_mode: 'full_refresh' }] }) },
      {
        records: (_stream, records) => Promise.resolve(void JSON.stringify(records)),
        message: (message) => {
          if (message.kind === 'failure') failures.push(message)
          return Promise.resolve()
        },
      },
    )
    .catch((error: unknown) => error)
  return { failures, thrown, requests: environment.requests.length, waits: environment.waits }
}

function dict(value: object): Dict {
  const parsed = parseJson(JSON.stringify(value))
  return isDict(parsed) ? parsed : {}
}

test.each([
  ["{{ 'a' | uper }}", "No filter named 'uper'."],
  ['{{ nowutc() }}', 'The template uses the name "nowutc", which is not known here.'],
])('the reason of a failure stands in its message: %s', async (path, reason) => {
  const { failures } = await readOrders(manifestText(path))
  const [failure] = failures
  expect(failure?.message).toContain('Stream orders failed: ')
  expect(failure?.message).toContain(reason)
  expect(failure?.message).not.toMatch(/PythonError|TemplateError/)
})

test('a value that is nested too deeply is said to be so', async () => {
  const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`
  const api: Api = () =>
    new HttpResponse({
      status: 200,
      headers: new ResponseHeaders([['Content-Type', 'application/json']]),
      url: 'https://api.test/orders',
      body: Buffer.from(`[{"id": ${deep}}]`),
    })
  const { failures } = await readOrders(manifestText('orders'), api)
  expect(failures[0]?.message).toBe(
    'Stream orders failed: A value of the response or of the configuration is nested too deeply.',
  )
})

test('a response that is larger than may be held fails once, as a limit', async () => {
  const api: Api = () =>
    new HttpResponse({
      status: 200,
      headers: new ResponseHeaders([['Content-Type', 'application/json']]),
      url: 'https://api.test/orders',
      body: chunks(),
      maxBytes: 1000,
    })
  const paginator =
    "paginator: { type: DefaultPaginator, pagination_strategy: { type: CursorPagination, cursor_value: '{{ response.next }}' } }"
  const { failures, requests, waits } = await readOrders(manifestText('orders', paginator), api)
  expect(failures[0]?.message).toBe(
    'The response is larger than 1000 bytes. Ask the API for smaller pages.',
  )
  expect({ requests, waits }).toEqual({ requests: 1, waits: [] })
})

async function* chunks(): AsyncIterable<Uint8Array> {
  for (;;) yield await Promise.resolve(Buffer.from(' '.repeat(100)))
}

test('a stream that cannot be read here fails the read', async () => {
  const custom = 'transformations: [{ type: CustomTransformation, class_name: source_x.T }]'
  const { failures, thrown } = await readOrders(manifestText('orders', '', custom))
  expect(failures[0]).toMatchObject({ failureType: 'config_error' })
  expect(String(thrown)).toContain('did not sync successfully: orders')
})

test('dynamic streams that need Python are left out with the reason, and a catalog is never empty because of them', async () => {
  const custom = '{ type: CustomRecordExtractor, class_name: source_x.Rows }'
  const resolver = (extractor: string) => `
dynamic_streams:
  - type: DynamicDeclarativeStream
    name: sheets
    stream_template:
      type: DeclarativeStream
      name: sheet
      schema_loader: { type: InlineSchemaLoader, schema: { type: object } }
      retriever:
        type: SimpleRetriever
        requester: { type: HttpRequester, url_base: https://api.test/, path: sheet }
        record_selector: { type: RecordSelector, extractor: ${custom} }
    components_resolver:
      type: HttpComponentsResolver
      retriever:
        type: SimpleRetriever
        requester: { type: HttpRequester, url_base: https://api.test/, path: sheets }
        record_selector: { type: RecordSelector, extractor: ${extractor} }
      components_mapping: [{ type: ComponentMappingDefinition, field_path: [name], value: x }]
`
  const withOrders = `${manifestText('orders')}\n    schema_loader: { type: InlineSchemaLoader, schema: { type: object } }\n${resolver(custom)}`
  const reason = 'It needs the component source_x.Rows, which is written in Python'
  await using mixed = new ManifestSource({
    manifest: loadManifest(withOrders),
    config: {},
    environment: simulatedEnvironment(() => jsonResponse([])),
  })
  expect((await mixed.discover()).map(({ name }) => name)).toEqual(['orders'])
  const [head = ''] = withOrders.split('streams:\n')
  const onlyDynamic = `${head}${resolver('{ type: DpathExtractor, field_path: [] }')}`
  await using empty = new ManifestSource({
    manifest: loadManifest(onlyDynamic),
    config: {},
    environment: simulatedEnvironment(() => jsonResponse([])),
  })
  await expect(empty.discover()).rejects.toThrow(`sheets: ${reason}`)
  expect(await empty.check()).toMatchObject({
    status: 'FAILED',
    message: expect.stringContaining(reason) as string,
  })
  const { failures } = await readOrders(onlyDynamic)
  expect(failures[0]?.message).toContain(`sheets: ${reason}`)
})

test('a read builds no other stream: a mistake in one does not stop the rest', async () => {
  const [start = '', orders = ''] = manifestText('orders').split('streams:\n')
  const mistaken = orders.replace('name: orders', 'name: mistaken\n    primary_key: [[a, b]]')
  const read = await readOrders(`${start}streams:\n${mistaken}${orders}`)
  expect(read).toMatchObject({ thrown: undefined, failures: [], requests: 1 })
})
