import { expect, test } from 'vitest'
import { invalidComponent } from '../../../manifest-interpreter/definition.ts'
import { SourceError } from '../../../manifest-interpreter/contracts.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../../manifest-interpreter/source/manifest-source.ts'
import type { SourceMessage } from '../../../manifest-interpreter/source/messages.ts'
import { SecretFilter } from '../../../manifest-interpreter/source/secret-filter.ts'
import { TransportError } from '../../../manifest-interpreter/http/transport-error.ts'
import { dictOf, isDict } from '../../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { jsonResponse, simulatedEnvironment, type Api } from '../support/simulated-environment.ts'

const manifestText = `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [items] }
streams:
  - type: DeclarativeStream
    name: items
    primary_key: [id]
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      cursor_datetime_formats: ['%Y-%m-%d']
      datetime_format: '%Y-%m-%d'
      start_datetime: { type: MinMaxDatetime, datetime: '2025-01-01', datetime_format: '%Y-%m-%d' }
      start_time_option: { type: RequestOption, inject_into: request_parameter, field_name: since }
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: https://api.test/
        path: "items/{{ config['acct'] }}"
        authenticator: { type: BearerAuthenticator, api_token: "{{ config['token'] }}" }
        error_handler: { type: DefaultErrorHandler, max_retries: 0 }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [items] } }
spec:
  type: Spec
  connection_specification:
    type: object
    properties:
      acct: { type: string, airbyte_secret: true }
      token: { type: string, airbyte_secret: true }
`

async function read(config: Readonly<Record<string, string>>, api: Api, state: Dict[] = []) {
  const messages: SourceMessage[] = []
  const records: Dict[] = []
  const environment = simulatedEnvironment(api)
  const logged: unknown[] = []
  const log = (facts: unknown): void => {
    logged.push(facts)
  }
  await using source = new ManifestSource({
    manifest: loadManifest(manifestText),
    config: dict(config),
    environment: { ...environment, logger: { debug: log, info: log, warn: log } },
  })
  const catalog = dict({ streams: [{ stream: { name: 'items' }, sync_mode: 'incremental' }] })
  const failure: unknown = await source
    .read(
      { catalog, state },
      {
        records: (_stream, batch) => Promise.resolve(void records.push(...batch)),
        message: (message) => Promise.resolve(void messages.push(message)),
      },
    )
    .catch((error: unknown) => error)
  const states = messages.flatMap((message) => (message.kind === 'state' ? [message.state] : []))
  const text = JSON.stringify([messages, logged.map(factsText), factsText(failure)])
  return { records, states, text, requests: environment.requests }
}

function factsText(facts: unknown): string {
  return JSON.stringify(facts, (_key, value: unknown) =>
    value instanceof Error
      ? { message: value.message, stack: value.stack, cause: value.cause }
      : value,
  )
}

function dict(value: object): Dict {
  const parsed = parseJson(JSON.stringify(value))
  return isDict(parsed) ? parsed : {}
}

test('a secret stays in records, their keys and states, and a read goes on from such a state', async () => {
  const item = { id: 1, name: 'item 1', updated_at: '2025-01-11', 1: 'one' }
  const api: Api = () => jsonResponse({ items: [item] })
  const first = await read({ acct: '1', token: '2' }, api)
  expect(first.records).toEqual([dict(item)])
  expect(first.states.at(-1)).toEqual({ updated_at: '2025-01-11' })

  const state = dict({
    type: 'STREAM',
    stream: { stream_descriptor: { name: 'items' }, stream_state: first.states.at(-1) },
  })
  const second = await read({ acct: '1', token: '2' }, api, [state])
  expect(second.records).toEqual([dict(item)])
  expect(second.requests[0]?.url).toContain('since=2025-01-11')
})

test.each([
  ['percent-encoded in a path', 'kit s3cr3t'],
  ['with line breaks, quotes and slashes', 'line1\nli"ne2 x/y'],
  ['with letters beyond ASCII', 'geheimes Wörtchen'],
])('a secret %s is in no error, status or log', async (_what, secret) => {
  const failing: Api = ({ url, headers }) => {
    if (url.includes('offline')) return new TransportError('connection', `${url} failed.`)
    return jsonResponse(
      { error: { message: `${url} refuses ${headers.get('Authorization') ?? ''}` } },
      { status: 403 },
    )
  }
  for (const acct of [secret, `${secret} offline`]) {
    const { text } = await read({ acct, token: 'tok-4711-secret' }, failing)
    expect(text).toContain('***')
    for (const part of secret.split(/[^a-z0-9]+/i).filter((word) => word.length > 3))
      expect(text).not.toContain(part)
    expect(text).not.toContain('4711')
  }
})

/** The manifest with other credentials; its errors repeat what the API said. */
function refusing(credentials: string): string {
  const handler = `{ type: DefaultErrorHandler, max_retries: 0, response_filters: [{ type: HttpResponseFilter, http_codes: [403], action: FAIL, error_message: "{{ response['error']['message'] }}" }] }`
  return manifestText
    .replace(/authenticator: .*/, () => credentials)
    .replace(/error_handler: .*/, () => `error_handler: ${handler}`)
}

test.each([
  ['a header', '{ inject_into: header, field_name: X-Session }'],
  ['a query parameter', '{ inject_into: request_parameter, field_name: session }'],
])('a token that a login gave and that is sent in %s is in no error or status', async (_, into) => {
  const found: string[] = []
  const session = 'SESSION-TOKEN-4711'
  const api: Api = ({ url, headers }) => {
    if (url.endsWith('/login')) return jsonResponse({ session })
    const sent = headers.get('X-Session') ?? new URL(url).searchParams.get('session') ?? ''
    return jsonResponse({ error: { message: `bad session ${sent}, 4711` } }, { status: 403 })
  }
  const login = `{ type: SessionTokenAuthenticator, session_token_path: [session], expiration_duration: PT1H,
          login_requester: { type: HttpRequester, url_base: https://api.test/, path: login, http_method: POST },
          request_authentication: { type: ApiKey, inject_into: { type: RequestOption, ${into.slice(1)} } }`
  await using source = new ManifestSource({
    manifest: loadManifest(refusing(`authenticator: ${login}`)),
    config: dict({ acct: 'acme', token: 'unused' }),
    environment: { ...simulatedEnvironment(api), secretFound: (text) => found.push(text) },
  })
  const message: unknown = expect.stringContaining('bad session ***, 4711')
  expect(await source.check()).toMatchObject({ status: 'FAILED', message })
  expect(found).toContain(session)
})

test('the credential of a templated header is told too', async () => {
  const found: string[] = []
  const header = `request_headers: { Authorization: "Basic {{ ('me:' ~ config['token']) | base64encode }}" }`
  const api: Api = ({ headers }) =>
    jsonResponse(
      { error: { message: `no ${headers.get('Authorization') ?? ''}` } },
      { status: 403 },
    )
  await using source = new ManifestSource({
    manifest: loadManifest(refusing(header)),
    config: dict({ acct: 'acme', token: 'hush-4711' }),
    environment: { ...simulatedEnvironment(api), secretFound: (text) => found.push(text) },
  })
  const message: unknown = expect.stringContaining('no Basic ***')
  expect(await source.check()).toMatchObject({ status: 'FAILED', message })
  expect(found).toEqual([Buffer.from('me:hush-4711').toString('base64')])
})

test('secrets of lists, of choices and of key files are hidden, whole or a line of them', () => {
  const schema = dict({
    properties: {
      tokens: { type: 'array', items: { type: 'string', airbyte_secret: true } },
      auth: { oneOf: [{ properties: { key: { airbyte_secret: true } } }] },
    },
  })
  const key = `-----BEGIN KEY-----\n${'a1B2'.repeat(8)}\n${'c3D4'.repeat(8)}\n`
  const filter = new SecretFilter(schema, dict({ tokens: ['first', 'second'], auth: { key } }))
  expect(filter.text(`first, second; ${'c3D4'.repeat(8)}; third`)).toBe('***, ***; ***; third')
  expect(filter.text(JSON.stringify({ key }))).toBe('{"key":"***"}')
})

test.each([
  ['additional properties', { additionalProperties: { airbyte_secret: true } }],
  ['patterns', { patternProperties: { '^k': { airbyte_secret: true } } }],
  [
    'a branch',
    { if: { required: ['a'] }, then: { properties: { key: { airbyte_secret: true } } } },
  ],
  ['dependencies', { dependencies: { a: { properties: { key: { airbyte_secret: true } } } } }],
  [
    'a reference',
    {
      properties: { key: { $ref: '#/definitions/secret' } },
      definitions: { secret: { airbyte_secret: true } },
    },
  ],
])('a secret that the specification finds through %s is hidden', (_, schema) => {
  const filter = new SecretFilter(dict(schema), dict({ key: 'hush-4711', 1: 'one' }))
  expect(filter.text('no hush-4711')).toBe('no ***')
})

test('numbers and dicts with keys like indexes are secrets of lists with places too', () => {
  const schema = dict({
    properties: { keys: { type: 'array', items: [{}, { airbyte_secret: true }] } },
  })
  const filter = new SecretFilter(schema, dict({ keys: ['seen', { 1: 4711 }] }))
  expect(filter.text('seen 4711')).toBe('seen ***')
})

test('an error is masked with its causes, and stays the same error', () => {
  const filter = new SecretFilter(
    dict({ properties: { key: { airbyte_secret: true } } }),
    dictOf([['key', 'hush']]),
  )
  const error = new SourceError('hush failed', {
    failureType: 'config_error',
    internalMessage: 'it was hush',
    cause: new Error('no hush'),
  })
  expect(filter.error(error)).toBe(error)
  expect(error).toMatchObject({ message: '*** failed', internalMessage: 'it was ***' })
  expect(error.cause).toMatchObject({ message: 'no ***' })
  expect(error.stack).not.toContain('hush')
})

test('an error with a code is masked in its details too, which its fix and its JSON are made of', () => {
  const filter = new SecretFilter(
    dict({ properties: { key: { airbyte_secret: true } } }),
    dictOf([['key', 'hush']]),
  )
  const error = filter.error(invalidComponent('the retriever of stream hush', 'it is no hush.'))
  expect(JSON.stringify([error, error.suggestedFix, error.message])).not.toContain('hush')
  expect(error.details).toEqual({ place: 'the retriever of stream ***', problem: 'it is no ***.' })
})
