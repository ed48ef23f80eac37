import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Answer } from '../../../support/api-client.ts'
import { logOfRun } from '../../../support/run-by-hand.ts'
import { createCrm } from '../../../support/create-crm.ts'
import { fakerConfig, TestApi } from '../../../support/test-api.ts'
import { longTest } from '../../../support/long.ts'

const json = { 'content-type': 'application/json' }

test('a body that is not JSON is refused without being quoted', async () => {
  await using api = await TestApi.start()
  const bodies = [
    '{"name":"the-secret"',
    'the-secret',
    '{"name":"the-secret",}',
    "{'name':'the-secret'}",
    '{"name":NaN,"x":"the-secret"}',
    '',
    ' ',
    '\u{feff}{}x',
  ]
  for (const body of bodies) {
    const answer = await send(api, body)
    expect(answer.status, body).toBe(400)
    expect(answer.body).toMatchObject({ error: { code: 'request_invalid' } })
    expect(JSON.stringify([answer.body, api.logLines])).not.toContain('the-secret')
  }
})

test('a body that is said to be JSON and is empty is none', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  await createCrm(api, 'crm')
  for (const route of ['a/check', 'a/discover', 'crm/authorize']) {
    const { status } = await api.call(`POST /instances/${route}`, undefined, json)
    expect(status, route).toBe(200)
  }
  const needed = await send(api, '')
  expect(needed).toMatchObject({ status: 400, body: { error: { code: 'request_invalid' } } })
})

test('what a route does not know is refused, also where it takes no query or no body', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  const calls = [
    ['GET /instances/a?foo=1', undefined, 'querystring: Unrecognized key: "foo"'],
    ['DELETE /instances/a?dry_run=true', undefined, 'querystring: Unrecognized key: "dry_run"'],
    ['POST /connections/c/reset?streams=a', undefined, 'querystring: Unrecognized key: "streams"'],
    ['POST /instances/a/check', { config: {} }, 'body: this route takes none'],
    ['DELETE /instances/a', { force: false }, 'body: this route takes none'],
    ['POST /connections/c/pause', [], 'body: this route takes none'],
  ] as const
  for (const [route, body, problem] of calls) {
    const answer = await api.call(route, body)
    expect.soft(answer, route).toMatchObject({
      status: 400,
      body: { error: { code: 'request_invalid', details: { problems: [problem] } } },
    })
  }
  expect((await api.call('POST /instances/a/check', {})).status).toBe(200)
  expect((await api.call('GET /instances/a')).status).toBe(200)
})

longTest('JSON that cannot be kept is refused', async () => {
  await using api = await TestApi.start()
  const values = [
    '"a\\u0000b"',
    '"\\ud800"',
    '{"\\u0000":1}',
    '{"\\udfff":1}',
    '1e999',
    '[-1e999]',
    '9007199254740993',
    '-12345678901234567890',
    `${'['.repeat(65)}${']'.repeat(65)}`,
    `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
  ]
  for (const value of values) {
    const { status, body } = await send(api, `{"name":"a","type":"faker","config":{"x":${value}}}`)
    expect(status, value.slice(0, 20)).toBe(400)
    expect(body).toMatchObject({ error: { code: 'request_invalid' } })
  }
})

longTest('half a million brackets are refused, not walked into', async () => {
  await using api = await TestApi.start()
  for (const body of ['['.repeat(500_000), `${'['.repeat(500_000)}${']'.repeat(500_000)}`]) {
    expect((await send(api, body)).status).toBe(400)
  }
})

test('a value of the wrong form is refused with the right form in words', async () => {
  await using api = await TestApi.start()
  await api.withConnection('shop')
  for (const [route, body, words] of [
    ['GET /connections/shop/runs/notarun', undefined, 'is no id of a run'],
    ['GET /connections/shop/sandboxes/nobox', undefined, 'is no id of a sandbox'],
    ['POST /instances', { name: 'bad name', type: 'faker' }, 'must be letters, digits'],
    ['POST /instances', { name: 'a', type: '/x' }, 'is no type of a connector'],
    ['POST /connections/shop/approve', { fingerprint: 'x' }, 'is no fingerprint'],
    ['POST /api-keys', { name: 'a', kind: 'viewer', expires_in: '1 year' }, 'such as 90d'],
    ['GET /connections?cursor=a%20b', undefined, 'is not a cursor'],
  ] as const) {
    const answer = await api.call(route, body)
    expect(answer.status, route).toBe(400)
    expect(JSON.stringify(answer.body), route).toContain(words)
    expect(JSON.stringify(answer.body), route).not.toContain('pattern')
  }
})

test('a path that cannot be decoded, or is too long, has a link to its page', async () => {
  await using api = await TestApi.start({ urls: { publicUrl: 'https://connect.example.com' } })
  for (const path of ['a%zz', 'x'.repeat(300)]) {
    const response = await fetch(`${api.url}/connect/v1/ingress/${path}`, { method: 'POST' })
    expect(await response.json(), path).toMatchObject({
      error: { docs_url: 'https://connect.example.com/docs/errors/http.md#request_invalid' },
    })
  }
})

longTest('keys that reach for a prototype are refused or plain data', async () => {
  await using api = await TestApi.start()
  for (const body of [
    '{"name":"a","type":"faker","__proto__":{"admin":true}}',
    '{"name":"a","type":"faker","config":{"__proto__":{"admin":true}}}',
    '{"name":"a","type":"faker","config":{"constructor":{"prototype":{"admin":true}}}}',
    '{"name":"a","type":"faker","\\u005f_proto__":{"admin":true}}',
  ]) {
    const answer = await send(api, body)
    expect(answer.status, body).toBe(400)
    expect(answer.body).toMatchObject({
      error: { details: { problem: expect.stringContaining('`__proto__`') as unknown } },
    })
  }
  expect(Reflect.get({}, 'admin')).toBeUndefined()
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect((await api.call(`GET /instances/${name}`)).status).toBe(404)
    expect((await api.call(`GET /catalog/${name}`)).status).toBe(404)
  }
})

longTest('the last value of a key that comes twice counts', async () => {
  await using api = await TestApi.start()
  const { status, body } = await send(
    api,
    `{"name":"a","type":"faker","name":"b","config":${JSON.stringify(fakerConfig)}}`,
  )
  expect(status).toBe(201)
  expect(body).toMatchObject({ name: 'b' })
})

test('a body that is not an object of the route is refused, each place named once', async () => {
  await using api = await TestApi.start()
  for (const body of ['null', '[]', '"text"', '1', 'true', '{}']) {
    expect((await send(api, body)).status, body).toBe(400)
  }
  const wrong = await send(api, '{"name":"a b","type":5,"config":[],"extra":"the-secret"}')
  expect(wrong.status).toBe(400)
  const text = JSON.stringify(wrong.body)
  for (const place of ['body/name', 'body/type', 'body/config']) expect(text).toContain(place)
  expect(text).not.toContain('the-secret')
})

longTest('an error stays small however large the request', async () => {
  await using api = await TestApi.start()
  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key${index}`, 1]))
  const { status, body } = await api.call('POST /instances', { name: 'a', type: 'faker', ...keys })
  expect(status).toBe(400)
  expect(JSON.stringify(body).length).toBeLessThan(5000)
})

longTest('names in a path are checked before anything is looked up', async () => {
  await using api = await TestApi.start()
  for (const name of ['%00', '%2e%2e', 'a%2fb', 'a%20b', 'ä', 'x'.repeat(64), '%27;--', '{}']) {
    for (const route of ['GET /instances/', 'DELETE /connections/', 'GET /runs/']) {
      const { status, body } = await api.call(`${route}${name}`)
      expect([400, 404], `${route}${name}`).toContain(status)
      expect(body).toMatchObject({
        error: { code: expect.stringMatching(/request_invalid|route_not_found/) as unknown },
      })
    }
  }
  for (const path of ['%', '%ff', '%c0%af', 'x'.repeat(300)]) {
    const { status, body } = await api.call(`GET /instances/${path}`)
    expect(status, path).toBe(400)
    expect(body).toMatchObject({ error: { code: 'request_invalid' } })
  }
})

test('other media types and charsets are refused', async () => {
  await using api = await TestApi.start()
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonx',
    'application/json; charset=latin1',
    'application/json;charset="ISO-8859-1"',
    'application/json; x=y; Charset=utf-16',
    'application/json; charset=',
  ]
  for (const type of types) {
    const answer = await send(api, '{"name":"a","type":"faker"}', { 'content-type': type })
    expect(answer.status, type).toBe(415)
    expect(answer.body).toMatchObject({ error: { code: 'media_type_unsupported' } })
  }
  for (const [index, charset] of ['utf-8', '"UTF-8"', 'utf8'].entries()) {
    const type = { 'content-type': `application/json; charset=${charset}` }
    const body = JSON.stringify({ name: `a${String(index)}`, type: 'faker', config: fakerConfig })
    expect((await send(api, body, type)).status, charset).toBe(201)
  }
})

test('a body that is not in UTF-8 is refused, and not changed', async () => {
  await using api = await TestApi.start()
  const config = { ...fakerConfig, note: 'M\u00fcller' }
  const text = JSON.stringify({ name: 'latin', type: 'faker', config })
  const refused = await send(api, Buffer.from(text, 'latin1'))
  expect(refused).toMatchObject({
    status: 415,
    body: { error: { code: 'media_type_unsupported', message: /UTF-8/ } },
  })
  expect(await api.call('GET /instances/latin')).toMatchObject({ status: 404 })
})

test('a body over the limit is refused, whether or not it says its length', async () => {
  await using api = await TestApi.start()
  const large = JSON.stringify({ name: 'a', type: 'faker', config: { x: 'y'.repeat(1_100_000) } })
  const announced = await send(api, large)
  expect(announced).toMatchObject({ status: 413, body: { error: { code: 'request_too_large' } } })
  const socket = await open(api)
  const answer = reading(socket)
  socket.write(
    `${head(api, 'POST /connect/v1/instances')}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  socket.write(`120000\r\n${'x'.repeat(0x120000)}\r\n`)
  expect(await answer).toMatch(/^HTTP\/1.1 413 [^]*"request_too_large"/)
})

test('without a key no body is read', async () => {
  await using api = await TestApi.start()
  const socket = await open(api)
  const answer = reading(socket)
  socket.write(
    'POST /connect/v1/instances HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n',
  )
  expect(await answer).toMatch(/^HTTP\/1.1 401 /)
})

test('a head that is too large is answered 431', async () => {
  await using api = await TestApi.start()
  const socket = await open(api)
  const answer = reading(socket)
  socket.write(`${head(api, 'GET /connect/v1/catalog')}X-Large: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(await answer).toMatch(/^HTTP\/1.1 431 [^]*"request_invalid"/)
})

test.each([
  ['no HTTP', 'hello\r\n\r\n'],
  [
    'a broken length',
    'POST /connect/v1/instances HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
  ],
  [
    'two lengths',
    'POST /connect/v1/instances HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
  ],
  [
    'a length and chunks',
    'POST /connect/v1/instances HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a NUL in the head', 'GET /connect/v1/catalog HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n'],
])('%s is answered as an error, and the connection closed', async (_, text) => {
  await using api = await TestApi.start()
  const socket = await open(api)
  const answer = reading(socket)
  socket.write(text)
  expect(await answer).toMatch(/^HTTP\/1.1 400 [^]*"suggested_fix"/)
})

test.each([
  ['body', 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na'],
  ['head', 'X-Slow'],
])('a request whose %s comes too slowly is given up', async (_, start) => {
  await using api = await TestApi.start({ receiveTimeoutMs: 200 })
  const socket = await open(api)
  const answer = reading(socket)
  socket.write(`${head(api, 'POST /connect/v1/instances')}${start}`)
  const drip = setInterval(() => socket.write('x'), 50)
  expect(await answer).toMatch(/^HTTP\/1.1 408 /)
  clearInterval(drip)
})

longTest(
  'a client that does not read its answer does not keep the server from closing',
  async () => {
    const api = await TestApi.start({ closeTimeoutMs: 100 })
    await api.withConnection()
    const { id } = await api.service.runs.start('shop')
    await logOfRun(api.store.runs, id, ...Array.from({ length: 1_000 }, () => 'x'.repeat(1000)))
    const socket = await open(api)
    socket.pause()
    socket.on('error', () => undefined)
    for (let request = 0; request < 20; request += 1) {
      socket.write(`${head(api, `GET /connect/v1/runs/${id}/logs?limit=1000`)}\r\n`)
    }
    await api[Symbol.asyncDispose]()
    socket.destroy()
  },
)

test('the id of a request is the client’s where it is harmless', async () => {
  await using api = await TestApi.start()
  const kept = await api.call('GET /instances/none', undefined, { 'x-request-id': 'job-1.a_B' })
  expect(kept.headers.get('x-request-id')).toBe('job-1.a_B')
  expect(kept.body).toMatchObject({ error: { request_id: 'job-1.a_B' } })
  for (const id of ['a b', '<script>', 'x'.repeat(65), '{"a":1}']) {
    const { headers } = await api.call('GET /catalog', undefined, { 'x-request-id': id })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('an unforeseen failure shows nothing of the inside, and is logged under the id of the request', async () => {
  await using api = await TestApi.start()
  api.service.instances.get = () => Promise.reject(new TypeError('the-secret of the inside'))
  const { status, headers, body } = await api.call('GET /instances/a')
  expect(status).toBe(500)
  expect(body).toMatchObject({ error: { code: 'unexpected' } })
  expect(JSON.stringify(body)).not.toMatch(/the-secret|TypeError|\.ts/)
  const id = headers.get('x-request-id') ?? ''
  expect(api.logLines.filter((line) => line.includes('the-secret'))).toEqual([
    expect.stringContaining(id),
  ])
})

test('a path that does not exist is a structured 404', async () => {
  await using api = await TestApi.start()
  for (const route of [
    'GET /nothing',
    'GET //',
    'POST //connect/v2/instances',
    'GET //connect/v1',
  ]) {
    const { status, body } = await api.asked(route)
    expect(status, route).toBe(404)
    expect(body).toMatchObject({ error: { code: 'route_not_found' } })
  }
})

test('the key is in no log line', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  await api.asked(`GET /catalog?api_key=${api.key}`)
  await api.asked(`GET //nothing/${api.key}`)
  expect(api.logLines.length).toBeGreaterThan(2)
  expect(api.logLines.join('')).not.toContain(api.key)
})

function send(
  api: TestApi,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = json,
): Promise<Answer> {
  return api.asked('POST /instances', {
    body,
    headers: { authorization: `Bearer ${api.key}`, ...headers },
  })
}

async function open(api: TestApi): Promise<Socket> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return socket
}

function head(api: TestApi, route: string): string {
  return `${route} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.key}\r\n`
}

/** Reads from the server until it has closed the connection, or until the response seems complete. */
async function reading(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('}}')) resolve()
    })
    socket.on('close', resolve)
  })
  socket.destroy()
  return text
}
