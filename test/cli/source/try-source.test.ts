import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runSource } from '../../../cli/source/source-command.ts'
import { neverAborted } from '../../support/signal.ts'
import { newFolder } from '../../support/new-folder.ts'

const manifest = (url: string, authenticator: string): string => `
version: 6.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: ${url}
        path: orders
        authenticator: ${authenticator}
        error_handler: { type: DefaultErrorHandler, max_retries: 0 }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [data] } }
    schema_loader: { type: InlineSchemaLoader, schema: { type: object, properties: {} } }
spec:
  type: Spec
  connection_specification:
    type: object
    properties: { token: { type: string, airbyte_secret: true } }
`
const session = (url: string): string =>
  `{ type: SessionTokenAuthenticator, session_token_path: [access_token], login_requester: { type: HttpRequester, url_base: ${url}, path: token, http_method: POST }, request_authentication: { type: ApiKey, api_token: "sid={{ session_token }}; secure", inject_into: { type: RequestOption, inject_into: header, field_name: X-Session } } }`
const legacySession = (): string =>
  `{ type: LegacySessionTokenAuthenticator, header: X-Session, username: ada, password: hush, login_url: token, session_token_response_key: access_token, validate_session_url: token }`
const oauth = (url: string): string =>
  `{ type: OAuthAuthenticator, token_refresh_endpoint: ${url}token, client_id: me, client_secret: hush, refresh_token: "{{ config['token'] }}", refresh_token_updater: { refresh_token_config_path: [token] } }`

/**
 * Gives tokens at /token, and repeats what it was sent at /orders: with `status`, at the edge of what is
 * shown.
 */
async function tryOrders(
  authenticator: (url: string) => string,
  {
    json = false,
    status = 200,
    html,
    fieldPath = '[data]',
    writeSchema = false,
  }: {
    readonly json?: boolean
    readonly status?: number
    readonly html?: string
    readonly fieldPath?: string
    readonly writeSchema?: boolean
  } = {},
) {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/token' ? 200 : status
    response.setHeader('Content-Type', 'application/json')
    const answer = request.url === '/token' ? tokensFor(request) : ordersFor(request)
    response.end(request.url === '/orders' && html !== undefined ? html : JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${String(typeof address === 'object' && address !== null ? address.port : 0)}/`
  const folder = await newFolder('try')
  const [file, config] = [join(folder, 'shop.yaml'), join(folder, 'config.json')]
  await writeFile(file, manifest(url, authenticator(url)).replace('[data]', fieldPath))
  await writeFile(config, '{"token":"FIRST-REFRESH"}')
  let out = ''
  try {
    const code = await runSource(
      {
        command: 'try',
        stream: 'orders',
        manifest: file,
        config,
        json,
        type: undefined,
        catalog: undefined,
        state: undefined,
        writeCatalog: undefined,
        writeSchema,
        force: false,
        logLevel: 'silent',
        pages: '1',
        slices: '1',
        resolved: false,
      },
      {
        write: (text) => Promise.resolve(void (out += text)),
        signal: neverAborted(),
        allowedNetworks: ['127.0.0.1/32'],
        catalogFolder: folder,
        allowsProcesses: false,
        now: () => Date.now(),
      },
    )
    return { code, out, manifest: await readFile(file, 'utf8') }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** A login for a session is no form. */
function tokensFor({ headers }: IncomingMessage): object {
  const isLogin = headers['content-type'] !== 'application/x-www-form-urlencoded'
  const other = {
    token_type: 'Bearer',
    id_token: 'ID-TOKEN-4713',
    more: [{ device: 'DEVICE-4714' }],
  }
  const token = { access_token: 'ACCESS-TOKEN-4711', expires_in: 3600, ...other }
  return isLogin
    ? { ...token, refresh_token: 'SECOND-REFRESH-4715' }
    : { ...token, refresh_token: 'NEXT-REFRESH-4712' }
}

function ordersFor({ headers }: IncomingMessage): object {
  const sent = headers.authorization ?? String(headers['x-session'])
  // The end of what is shown is in the middle of the token.
  const data: object[] = []
  return { data, sent, pad: 'x'.repeat(1950 - 2 * sent.length), again: sent.repeat(9) }
}

test.each([
  ['session', session],
  ['OAuth', oauth],
  ['legacy session', legacySession],
])('try shows no token that a login of the kind %s gave', async (_, authenticator) => {
  const { out } = await tryOrders(authenticator)
  const exchanges = out.slice(0, out.indexOf('\norders: '))
  expect(exchanges).toContain('1. POST')
  expect(exchanges).toContain('"access_token":"***"')
  expect(exchanges).toContain('"token_type":"Bearer"')
  expect(exchanges).toContain('"expires_in":3600')
  expect(exchanges).not.toMatch(/ACCESS|NEXT-|REFRESH|471\d/)
})

test('without records, try names the keys that the response has', async () => {
  const { code, out } = await tryOrders(oauth, { fieldPath: '[items]' })
  expect(code).toBe(0)
  expect(out).toContain(
    'hint: the extractor looks for items. The response has data, sent, pad, again. Correct field_path.',
  )
  expect(out).not.toContain('references and parameters resolved')
})

test('try shows no token of a login either if it is not where the manifest looks for it', async () => {
  const elsewhere = (url: string): string => session(url).replace('[access_token]', '[sid]')
  const { code, out } = await tryOrders(elsewhere)
  expect(code).not.toBe(0)
  expect(out).toContain('nothing at session_token_path')
  expect(out).not.toMatch(/471\d/)
})

test('try shows the configuration that the source changed, so that a refresh token is not lost', async () => {
  const { code, out } = await tryOrders(oauth)
  expect(code).toBe(0)
  expect(out).toContain('configuration, changed by the source: store it')
  expect(out).toContain('"token": "NEXT-REFRESH-4712"')
  const json = await tryOrders(oauth, { json: true })
  expect(JSON.parse(json.out)).toMatchObject({ changed_config: { token: 'NEXT-REFRESH-4712' } })
  const failed = await tryOrders(oauth, { json: true, status: 403 })
  expect(failed.out).toContain('NEXT-REFRESH-4712')
  const unchanged = await tryOrders(session, { json: true })
  expect(JSON.parse(unchanged.out)).toMatchObject({ changed_config: null })
})

test('try says that an answer was no JSON', async () => {
  const { code, out } = await tryOrders(session, { html: '<!doctype html><h1>Maintenance</h1>' })
  expect(code).toBe(0)
  expect(out).toMatch(
    /\norders: 0 records\nwarning: The response to GET http:\/\/127\.0\.0\.1:\d+\/orders was no JSON \(application\/json, begins with <!doctype html\): it was treated as having no records\.\n/,
  )
})

test('try writes the types that it found into the manifest, and says what it left out', async () => {
  const orders = '{"data":[{"id":1,"note":"a"},{"id":2,"gone":null}]}'
  const { code, out, manifest } = await tryOrders(session, { html: orders, writeSchema: true })
  expect(code).toBe(0)
  expect(out).toMatch(/\nschema written: \S+shop\.yaml, line \d+\nleft out, .*: gone\n/)
  expect(manifest).toContain(
    `
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: { type: [integer, "null"] }
          note: { type: [string, "null"] }
spec:`,
  )
  const none = await tryOrders(session, { writeSchema: true })
  expect(none.code).toBe(1)
  expect(none.out).toContain('schema not written: no record was read.')
})
