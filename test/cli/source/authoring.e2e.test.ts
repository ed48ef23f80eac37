import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { builtProgram } from '../../support/program.ts'
import { newFolder } from '../../support/new-folder.ts'

const manifest = (url: string, more = ''): string => `
version: 6.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    $parameters: { path: orders }
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: ${url}
        authenticator: { type: BearerAuthenticator, api_token: "{{ config['key'] }}" }
      record_selector:
        type: RecordSelector
        extractor: { type: DpathExtractor, field_path: [data] }
      paginator:
        type: DefaultPaginator
        page_token_option: { type: RequestOption, inject_into: request_parameter, field_name: page }
        pagination_strategy: { type: PageIncrement, page_size: 1 }
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { id: { type: string }, gone: { type: string } } }
${more}
spec:
  type: Spec
  connection_specification:
    type: object
    properties: { key: { type: string, airbyte_secret: true } }
`

async function run(folder: string, argv: readonly string[]) {
  const child = spawn(process.execPath, [builtProgram(), 'connect', 'source', ...argv], {
    cwd: folder,
    env: { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: child.exitCode, out, err }
}

test('try shows each page with secrets masked, both schemas and the manifest, and writes the catalog', async () => {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json')
    const id = Number(new URL(request.url ?? '/', 'http://h').searchParams.get('page') ?? '0') + 1
    response.end(JSON.stringify({ data: [{ id, echo: request.headers.authorization }] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const folder = await newFolder('try')
  await writeFile(join(folder, 'shop.yaml'), manifest(`http://127.0.0.1:${String(port)}/`))
  await writeFile(join(folder, 'config.json'), '{"key":"hush-4711"}')
  const argv = ['--manifest', 'shop.yaml', '--config', 'config.json']

  const tried = await run(folder, [
    ...['try', 'orders', ...argv, '--pages', '2', '--write-catalog', 'catalog.json'],
  ])
  expect(tried).toMatchObject({ code: 0, err: '' })
  expect(tried.out).toContain(`1. GET http://127.0.0.1:${String(port)}/orders`)
  expect(tried.out).toContain('Authorization: Bearer ***')
  expect(tried.out).toContain('orders: 2 records')
  expect(tried.out).toMatch(/id +string +integer/)
  expect(tried.out).toMatch(/gone +string +not found/)
  expect(tried.out).toMatch(/echo +not declared +string/)
  expect(tried.out.replace(/orders: 2 records[^]*schema:/, '')).not.toContain('hush-4711')

  const json = await run(folder, ['try', 'orders', ...argv, '--pages', '3', '--json'])
  expect(JSON.parse(json.out)).toMatchObject({
    stream: 'orders',
    records: 3,
    inferred_schema: { properties: { id: { type: 'integer' } } },
    manifest: { retriever: { requester: { path: 'orders' } } },
  })
  expect(JSON.parse(await readFile(join(folder, 'catalog.json'), 'utf8'))).toMatchObject({
    streams: [{ stream: { name: 'orders' }, sync_mode: 'full_refresh' }],
  })

  const missing = await run(folder, ['try', 'order', ...argv])
  expect(missing.code).toBe(2)
  expect(missing.err).toContain('Name one of its streams: orders.')
  server.closeAllConnections()
  server.close()
})

test('validate and spec say what the text of a manifest shows', async () => {
  const folder = await newFolder('validate')
  const broken = `  - type: DeclarativeStream
    name: refunds
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: https://api.shop.example, path: "{{ config['a' | uper }}", http_methd: POST }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
`
  await writeFile(join(folder, 'broken.yaml'), manifest('https://api.shop.example', broken))
  await writeFile(join(folder, 'right.yaml'), manifest('https://api.shop.example'))

  const right = await run(folder, ['validate', '--manifest', 'right.yaml'])
  expect(right).toEqual({ code: 0, out: 'right.yaml: 1 stream, 0 errors, 0 warnings\n', err: '' })

  const wrong = await run(folder, ['validate', '--manifest', 'broken.yaml'])
  expect(wrong.code).toBe(1)
  expect(wrong.out).toContain('error: stream refunds, retriever.requester.path: ')
  expect(wrong.out).toContain('Did you mean "http_method"?')
  expect(wrong.out).toContain('broken.yaml: 2 streams, 1 error, 1 warning')

  await writeFile(join(folder, 'config.json'), '{"key":"k"}')
  const tried = await run(folder, [
    ...['try', 'refunds', '--manifest', 'broken.yaml', '--config', 'config.json', '--json'],
  ])
  expect(tried.code).toBe(1)
  expect(JSON.parse(tried.out)).toMatchObject({ records: 0, exchanges: [] })

  const spec = await run(folder, ['spec', '--manifest', 'broken.yaml'])
  expect(spec.code).toBe(0)
  const messages = spec.out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly type: string }).type)
  expect(messages).toEqual(['SPEC', 'LOG', 'LOG'])
})
