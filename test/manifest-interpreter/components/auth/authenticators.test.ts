import { describe, expect, it } from 'vitest'
import {
  jsonResponse,
  simulatedEnvironment,
  type Api,
} from '../../support/simulated-environment.ts'
import { simulatedBuilder } from '../../support/simulated-builder.ts'
import type { Authenticator, HttpRequest } from '../../../../manifest-interpreter/contracts.ts'
import type { PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const config = {
  key: 'key-1',
  number: 12345,
  user: 'kit-user',
  password: 'p:ä-pass',
  credentials: { type: 'oauth' },
}

function build(definition: PlainDict, api?: Api) {
  const environment = simulatedEnvironment(api)
  const builder = simulatedBuilder(environment, { config })
  const authenticator = builder.build('authenticator', definition, {
    streamName: 'items',
    urlBase: 'https://api.test/',
  })
  return { authenticator, environment }
}

function request(headers: Readonly<Record<string, string>> = {}): HttpRequest {
  return {
    method: 'GET',
    url: 'https://api.test/items',
    headers: new Map(Object.entries(headers)),
    body: null,
  }
}

/** Returns the parts of a request after its options were put together and it was authenticated. */
async function sent(authenticator: Authenticator) {
  const { headers, ...others } = await authenticator.options()
  const prepared = request()
  for (const [name, value] of Object.entries(headers)) prepared.headers.set(name, String(value))
  await authenticator.authenticate(prepared)
  return { headers: Object.fromEntries(prepared.headers), ...others }
}

const nothing = { headers: {}, params: {}, bodyData: {}, bodyJson: {} }

describe('authenticators', () => {
  const inject = (inject_into: string, field: PlainDict) => ({
    type: 'RequestOption',
    inject_into,
    ...field,
  })
  it.each<[string, PlainDict, object]>([
    ['NoAuth', { type: 'NoAuth' }, nothing],
    [
      'a key in a header',
      { type: 'ApiKeyAuthenticator', header: 'X-Key', api_token: "{{ config['key'] }}" },
      { ...nothing, headers: { 'X-Key': 'key-1' } },
    ],
    [
      'a numeric key as text',
      { type: 'ApiKeyAuthenticator', header: 'X-Key', api_token: "{{ config['number'] }}" },
      { ...nothing, headers: { 'X-Key': '12345' } },
    ],
    [
      'a missing key as an empty header',
      { type: 'ApiKeyAuthenticator', header: 'X-Key', api_token: "{{ config['nope'] }}" },
      { ...nothing, headers: { 'X-Key': '' } },
    ],
    [
      'a key in a parameter',
      {
        type: 'ApiKeyAuthenticator',
        api_token: "{{ config['key'] }}",
        inject_into: inject('request_parameter', { field_name: 'key' }),
      },
      { ...nothing, params: { key: 'key-1' } },
    ],
    [
      'a key in a form',
      {
        type: 'ApiKeyAuthenticator',
        api_token: "{{ config['key'] }}",
        inject_into: inject('body_data', { field_name: 'key' }),
      },
      { ...nothing, bodyData: { key: 'key-1' } },
    ],
    [
      'a key deep in a JSON body',
      {
        type: 'ApiKeyAuthenticator',
        api_token: "{{ config['key'] }}",
        inject_into: inject('body_json', { field_path: ['auth', 'key'] }),
      },
      { ...nothing, bodyJson: { auth: { key: 'key-1' } } },
    ],
    [
      'a bearer token',
      { type: 'BearerAuthenticator', api_token: "{{ config['number'] }}" },
      { ...nothing, headers: { Authorization: 'Bearer 12345' } },
    ],
    [
      'basic credentials in UTF-8',
      {
        type: 'BasicHttpAuthenticator',
        username: "{{ config['user'] }}",
        password: "{{ config['password'] }}",
      },
      { ...nothing, headers: { Authorization: 'Basic a2l0LXVzZXI6cDrDpC1wYXNz' } },
    ],
    [
      'the authenticator that the configuration selects',
      {
        type: 'SelectiveAuthenticator',
        authenticator_selection_path: ['credentials', 'type'],
        authenticators: {
          oauth: { type: 'BearerAuthenticator', api_token: 'picked' },
          key: { type: 'ApiKeyAuthenticator', header: 'X', api_token: 'y' },
        },
      },
      { ...nothing, headers: { Authorization: 'Bearer picked' } },
    ],
  ])('put %s on a request', async (_, definition, expected) => {
    expect(await sent(build(definition).authenticator)).toEqual(expected)
  })

  it('replace a header of the same name in another case', async () => {
    const { authenticator } = build({ type: 'BearerAuthenticator', api_token: 't' })
    const prepared = request({ authorization: 'old', Other: '1' })
    await authenticator.authenticate(prepared)
    expect([...prepared.headers]).toEqual([
      ['Other', '1'],
      ['Authorization', 'Bearer t'],
    ])
  })

  it('refuse a selection that is not in the configuration', () => {
    const select = (path: string[]) =>
      build({
        type: 'SelectiveAuthenticator',
        authenticator_selection_path: path,
        authenticators: { key: { type: 'NoAuth' } },
      })
    expect(() => select(['nowhere'])).toThrow('not found in the config')
    expect(() => select(['credentials', 'type'])).toThrow('The authenticator `oauth` is not found.')
  })
})

describe('JwtAuthenticator', () => {
  it('signs headers and claims in the order of PyJWT', async () => {
    const { authenticator } = build({
      type: 'JwtAuthenticator',
      secret_key: 'hmac-secret',
      base64_encode_secret_key: true,
      algorithm: 'HS512',
      header_prefix: 'JWT',
      jwt_headers: { kid: "{{ config['key'] }}", typ: 'Jwt', cty: 'x' },
      additional_jwt_headers: { h: "{{ config['user'] }}" },
      additional_jwt_payload: { c: "{{ config['number'] }}", l: '[1, 2]' },
    })
    expect((await sent(authenticator)).headers).toEqual({
      Authorization:
        'JWT eyJhbGciOiJIUzUxMiIsImN0eSI6IngiLCJoIjoia2l0LXVzZXIiLCJraWQiOiJrZXktMSIsInR5cCI6Ikp3dCJ9.eyJjIjoxMjM0NSwibCI6WzEsMl0sImlhdCI6MTc0MDc4NzIwMCwiZXhwIjoxNzQwNzg4NDAwLCJuYmYiOjE3NDA3ODcyMDB9.D0e02-QIvdxuiBaL1Wd6yyy7vTx-mAVKM8wQHbklnZyesc-EKFkHsDnREOPwaRL2tUta76Fiyd6JTNXLtQcVrA',
    })
  })

  it('refuses reserved claims, and does not tell the key', async () => {
    const { authenticator } = build({
      type: 'JwtAuthenticator',
      secret_key: 'hmac-secret',
      algorithm: 'HS256',
      additional_jwt_payload: { exp: '1' },
    })
    await expect(authenticator.options()).rejects.toThrow(/cannot sign a token: .*reserved/)
    const wrong = build({ type: 'JwtAuthenticator', secret_key: 'no-key', algorithm: 'RS256' })
    await expect(wrong.authenticator.options()).rejects.toThrow(
      /^(?!.*no-key).*cannot sign a token: /,
    )
  })
})

describe('SessionTokenAuthenticator', () => {
  const definition = {
    type: 'SessionTokenAuthenticator',
    login_requester: {
      type: 'HttpRequester',
      url_base: 'https://api.test',
      path: '/login',
      http_method: 'POST',
      request_body_json: { user: "{{ config['user'] }}" },
    },
    session_token_path: ['data', 'id'],
  }
  const api: Api = (_, count) => jsonResponse({ data: { id: `session-${count}` } })

  it('logs in once while the session lasts, however many requests wait for it', async () => {
    const { authenticator, environment } = build(
      { ...definition, expiration_duration: 'PT1H', request_authentication: { type: 'Bearer' } },
      api,
    )
    const both = await Promise.all([sent(authenticator), sent(authenticator)])
    expect(both.map(({ headers }) => headers)).toEqual([
      { Authorization: 'Bearer session-1' },
      { Authorization: 'Bearer session-1' },
    ])
    environment.advance(3601)
    expect((await sent(authenticator)).headers).toEqual({ Authorization: 'Bearer session-2' })
    expect(environment.requests.map(({ body }) => body)).toEqual([
      '{"user": "kit-user"}',
      '{"user": "kit-user"}',
    ])
  })

  it('logs in each time the reference does where a session has no expiry', async () => {
    const option = { type: 'RequestOption', inject_into: 'header', field_name: 'X-Session' }
    const { authenticator, environment } = build(
      { ...definition, request_authentication: { type: 'ApiKey', inject_into: option } },
      api,
    )
    expect((await sent(authenticator)).headers).toEqual({ 'X-Session': 'session-6' })
    expect(environment.requests).toHaveLength(6)
  })

  it('formats the token where the manifest says how', async () => {
    const option = { type: 'RequestOption', inject_into: 'request_parameter', field_name: 'sid' }
    const { authenticator } = build(
      {
        ...definition,
        expiration_duration: 'PT0S',
        request_authentication: {
          type: 'ApiKey',
          inject_into: option,
          api_token: 's:{{ session_token }}',
        },
      },
      api,
    )
    expect((await sent(authenticator)).params).toEqual({ sid: 's:session-1' })
  })

  it('fails where the answer has no token', async () => {
    const { authenticator } = build(
      { ...definition, request_authentication: { type: 'Bearer' } },
      () => jsonResponse({ other: 1 }),
    )
    await expect(authenticator.options()).rejects.toThrow('session_token_path')
  })
})

describe('LegacySessionTokenAuthenticator', () => {
  const definition = {
    type: 'LegacySessionTokenAuthenticator',
    header: 'X-Session',
    login_url: 'login',
    session_token_response_key: 'id',
    validate_session_url: 'session/validate',
  }
  const login: Api = ({ method }) =>
    method === 'POST' ? jsonResponse({ id: 'fresh' }) : jsonResponse({}, { status: 401 })

  it('logs in once for all requests', async () => {
    const { authenticator, environment } = build(
      { ...definition, username: "{{ config['user'] }}", password: "{{ config['password'] }}" },
      login,
    )
    await sent(authenticator)
    expect((await sent(authenticator)).headers).toEqual({ 'X-Session': 'fresh' })
    expect(environment.requests).toMatchObject([
      {
        method: 'POST',
        url: 'https://api.test/login',
        body: String.raw`{"username": "kit-user", "password": "p:\u00e4-pass"}`,
      },
    ])
  })

  it('uses the session of the configuration while it is valid', async () => {
    const { authenticator, environment } = build({ ...definition, session_token: 'given' }, () =>
      jsonResponse({}),
    )
    expect((await sent(authenticator)).headers).toEqual({ 'X-Session': 'given' })
    expect(environment.requests.map(({ url }) => url)).toEqual([
      'https://api.test/session/validate',
      'https://api.test/session/validate',
    ])
  })

  it('logs in where the session of the configuration is not valid any more', async () => {
    const { authenticator } = build(
      { ...definition, session_token: 'given', username: 'u', password: 'p' },
      login,
    )
    expect((await sent(authenticator)).headers).toEqual({ 'X-Session': 'fresh' })
  })
})
