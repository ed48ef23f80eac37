import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runSource } from '../../../cli/source/source-command.ts'
import { manifestConnector } from '../../../connectors/manifest/connector.ts'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import type { AirbyteStream } from '../../../protocol/index.ts'
import { Collected, contextOf } from '../collected.ts'
import { newFolder } from '../../support/new-folder.ts'

/** Valid as a document, but a page cannot be made smaller without a paginator. */
const manifest = `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: 'https://shop.test', path: orders }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
      page_size_reduction: { type: PageSizeReduction }
    schema_loader: { type: InlineSchemaLoader, schema: { type: object, properties: {} } }
`
const mistake =
  'The manifest is wrong at page_size_reduction of stream orders: it needs a DefaultPaginator, to ask for a smaller page.'

let folder = ''
let file = ''

beforeAll(async () => {
  folder = await newFolder('mistakes')
  file = join(folder, 'shop.yaml')
  await writeFile(file, manifest)
})

async function failureOf(work: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(ConnectError)
  return ConnectError.from(thrown)
}

test('a manifest whose components do not go together fails a discover and a read with a code of its own', async () => {
  const connector = manifestConnector('shop', file)
  const context = contextOf()
  const stream: AirbyteStream = {
    name: 'orders',
    json_schema: { properties: {} },
    supported_sync_modes: ['full_refresh'],
  }
  const task = {
    config: {},
    stream: { stream, sync_mode: 'full_refresh', destination_sync_mode: 'append' } as const,
    slice: '',
    state: null,
    session: null,
  }
  const works = [
    () => connector.discover({}, context),
    () => connector.read(task, new Collected(stream), context),
  ]
  for (const work of works) {
    const error = await failureOf(work())
    expect(error).toMatchObject({ code: 'manifest_component_invalid', message: mistake })
    expect(error.suggestedFix).toContain('Correct page_size_reduction of stream orders')
  }
})

test('a check says what is wrong in the manifest, and what to do', async () => {
  const status = await manifestConnector('shop', file).check({}, contextOf())
  expect(status.status).toBe('FAILED')
  expect(status.message).toContain('it needs a DefaultPaginator')
})

/** `reactor connect source` with the manifest: its exit code and its output. */
async function source(command: 'discover' | 'read', catalog?: unknown) {
  const config = join(folder, 'config.json')
  await writeFile(config, '{}')
  const catalogFile = join(folder, 'catalog.json')
  await writeFile(catalogFile, JSON.stringify(catalog ?? {}))
  const written: string[] = []
  const code = await runSource(
    {
      command,
      manifest: file,
      config,
      catalog: catalogFile,
      state: undefined,
      stream: undefined,
      type: undefined,
      writeCatalog: undefined,
      writeSchema: false,
      force: false,
      logLevel: 'silent',
      pages: '1',
      slices: '1',
      resolved: false,
      json: false,
    },
    {
      write: (text) => Promise.resolve(void written.push(text)),
      signal: new AbortController().signal,
      allowedNetworks: [],
      catalogFolder: folder,
      allowsProcesses: false,
      now: () => 0,
    },
  )
  return { code, messages: written.map((line): unknown => JSON.parse(line)) }
}

test('as an Airbyte source it says so in a message of the protocol', async () => {
  expect(await source('discover')).toMatchObject({
    code: 1,
    messages: [
      {
        type: 'TRACE',
        trace: { type: 'ERROR', error: { message: mistake, failure_type: 'config_error' } },
      },
    ],
  })
})

test.each([
  [{ streams: {} }, 'it needs a list of "streams"'],
  [{ streams: [{ stream: {} }] }, 'each of its streams needs a "stream" with a "name"'],
])('the catalog %j is a file that cannot be used', async (catalog, reason) => {
  const error = await failureOf(source('read', catalog))
  expect(error).toMatchObject({
    code: 'source_file_unusable',
    message: `${join(folder, 'catalog.json')} cannot be used: ${reason}`,
  })
})
