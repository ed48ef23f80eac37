import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { ApiClient, type Answer } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { loginDocument } from '../../../service/logins/schema.ts'

const key = 'sk_live_planted4711secret'
const input = { email: 'ada@example.com' }

let api: TestApi
let vendor: ScriptedVendor
beforeAll(async () => {
  vendor = await ScriptedVendor.start(() => ({ body: {} }))
  api = await TestApi.start()
  await makeInstance('live')
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  vendor.requests.length = 0
  vendor.respond = () => ({ body: { id: 'cus_1' }, headers: { 'request-id': 'req_1' } })
})

async function makeInstance(name: string, apiKey = key): Promise<void> {
  const config = { api_key: apiKey, api_url: vendor.url }
  expect((await api.call('POST /instances', { name, type: 'stripe', config })).status).toBe(201)
}

interface Place {
  readonly client?: ApiClient
  readonly instance?: string
  readonly action?: string
  readonly headers?: Record<string, string>
}

function invoke(body: unknown, place: Place = {}): Promise<Answer> {
  const { client = api.client, instance = 'live', action = 'createCustomer', headers } = place
  return client.call(`POST /instances/${instance}/actions/${action}/invoke`, body, headers)
}

function codeOf({ body }: Answer): string | undefined {
  return z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code
}

async function tokenOf(place: Place = {}, call: unknown = input): Promise<string> {
  const { status, body } = await invoke({ input: call, dry_run: true }, place)
  expect(status, JSON.stringify(body)).toBe(200)
  return z.object({ token: z.string() }).parse(body).token
}

describe('a body', () => {
  test('that is too large, too deep or no object is refused before anything is sent', async () => {
    const deep = (levels: number): string => `{"a":`.repeat(levels) + '1' + '}'.repeat(levels)
    const bodies: readonly [string, number][] = [
      [JSON.stringify({ input: { email: 'x'.repeat(1_100_000) } }), 413],
      [`{"input":${deep(100_000)}}`, 400],
      [`{"input":{"metadata":${deep(500)}}}`, 400],
      ['{"input":[]}', 400],
      ['{"input":null}', 400],
      ['{"input":{},"dry_run":"true"}', 400],
      ['{"input":{},"dry_run":1}', 400],
      ['{"input":{},"token":{"a":1}}', 400],
      ['{"input":{},"other":1}', 400],
      ['{"input":{},"timeout_seconds":1e9}', 400],
    ]
    for (const [body, expected] of bodies) {
      const { status } = await api.asked('POST /instances/live/actions/createCustomer/invoke', {
        body,
        headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
      })
      expect(status, body.slice(0, 60)).toBe(expected)
    }
    expect(vendor.requests).toEqual([])
  })

  test('with the largest input that is allowed is carried out in bounded time', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`k${i}`, 'v']))
    const started = performance.now()
    const { status } = await invoke({ input: { metadata } })
    expect([200, 422]).toContain(status)
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('with names of a prototype changes nothing of the program', async () => {
    for (const text of [
      '{"input":{"__proto__":{"email":"x"}}}',
      '{"input":{"constructor":{"prototype":{"polluted":1}}}}',
      '{"input":{"email":"a@b.c","metadata":{"__proto__":"x","constructor":"y","toString":"z"}}}',
      '{"input":{"address":{"__proto__":{"city":"x"}}}}',
      '{"__proto__":{"dry_run":true},"input":{"email":"a@b.c"}}',
    ]) {
      const { status } = await api.asked('POST /instances/live/actions/createCustomer/invoke', {
        body: text,
        headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
      })
      expect([200, 400, 422], text).toContain(status)
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('a path', () => {
  test('that leaves its place reaches no vendor', async () => {
    for (const [instance, action] of [
      ['live', '..%2f..%2fcreateCustomer'],
      ['live', 'createCustomer%2finvoke'],
      ['live', 'createCustomer%00'],
      ['live', 'createCustomer%0d%0aX-Evil:1'],
      ['live', 'CREATECUSTOMER'],
      ['live', '%D1%81reateCustomer'],
      ['live', 'a'.repeat(200)],
      ['..%2flive', 'createCustomer'],
      ['live%20', 'createCustomer'],
      ['LIVE%00', 'createCustomer'],
    ] as const) {
      const { status } = await invoke({ input }, { instance, action })
      expect([400, 404, 414], `${instance} ${action}`).toContain(status)
    }
    expect(vendor.requests).toEqual([])
  })

  test('of the vendor holds an id as one segment, whatever it is', async () => {
    for (const id of [
      '../customers',
      'a/../../b',
      '%2e%2e',
      'a%2fb',
      'ü',
      'a\nb',
      'a?x=1#y',
      'a\\b',
    ]) {
      vendor.requests.length = 0
      const { status } = await invoke({ input: { id } }, { action: 'getCustomer' })
      expect(status, id).toBe(200)
      expect(vendor.last.url, id).toBe(`/v1/customers/${encodeURIComponent(id)}`)
    }
    for (const id of ['', '.', '..']) {
      const refused = await invoke({ input: { id } }, { action: 'getCustomer' })
      expect([refused.status, codeOf(refused)], id).toEqual([422, 'action_input_invalid'])
    }
  })
})

test('an idempotency key is a text of one line, and reaches the vendor as another', async () => {
  for (const bad of ['', ' ', 'a b', 'ü', 'x'.repeat(256)]) {
    const refused = await invoke({ input }, { headers: { 'idempotency-key': bad } })
    expect([200, 400], bad).toContain(refused.status)
    // HTTP takes away spaces around a value: an empty key is none.
    if (bad.trim() !== '') expect(refused.status, bad).toBe(400)
  }
})

describe('the token of a dry-run', () => {
  test('is good for no other instance, principal, action or input, and not after a change', async () => {
    await makeInstance('twin')
    await makeInstance('changing')
    const agent = await api.clientOf({ name: 'robot', kind: 'agent' })
    const other = await api.clientOf({ name: 'another', kind: 'agent' })
    const token = await tokenOf({ client: agent })
    const calls: readonly [string, Promise<Answer>][] = [
      ['instance', invoke({ input, token }, { client: agent, instance: 'twin' })],
      ['principal', invoke({ input, token }, { client: other })],
      ['admin', invoke({ input, token })],
      ['action', invoke({ input, token }, { client: agent, action: 'createProduct' })],
      ['input', invoke({ input: { email: 'eve@example.com' }, token }, { client: agent })],
      ['more', invoke({ input: { ...input, name: 'Eve' }, token }, { client: agent })],
    ]
    for (const [what, call] of calls) {
      const answer = await call
      expect([403, 422], what).toContain(answer.status)
      expect(['dry_run_token_invalid', 'action_input_invalid'], what).toContain(codeOf(answer))
    }
    for (const [route, body] of [
      ['PATCH /instances/changing', { config: { api_key: key, api_url: `${vendor.url}/` } }],
      // Another account, with the same configuration.
      ['POST /instances/changing/credentials', { api_key: 'sk_live_planted4711other' }],
    ] as const) {
      const planned = await tokenOf({ client: agent, instance: 'changing' })
      expect((await api.call(route, body)).status).toBe(200)
      const answer = await invoke(
        { input, token: planned },
        { client: agent, instance: 'changing' },
      )
      expect(codeOf(answer), route).toBe('dry_run_token_invalid')
    }
    const again = await tokenOf({ client: agent, instance: 'changing' })
    await api.call('DELETE /instances/changing')
    await makeInstance('changing')
    const gone = await invoke({ input, token: again }, { client: agent, instance: 'changing' })
    expect(codeOf(gone)).toBe('dry_run_token_invalid')
    expect(vendor.requests).toEqual([])
    expect((await invoke({ input, token }, { client: agent })).status).toBe(200)
  })

  test('stays good while the same credentials are set again', async () => {
    const token = await tokenOf()
    await api.call('POST /instances/live/credentials', { api_key: key })
    expect((await invoke({ input, token })).status).toBe(200)
  })

  test('is good once, for one of 64 calls at the same time', async () => {
    const token = await tokenOf()
    const calls = Array.from({ length: 64 }, (_, index) =>
      invoke(
        { input, token },
        index % 2 === 0 ? {} : { headers: { 'idempotency-key': randomUUID() } },
      ),
    )
    const ends = await Promise.all(calls)
    expect(vendor.requests).toHaveLength(1)
    const codes = ends.map((end) => (end.status === 200 ? 'done' : codeOf(end)))
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['done', 'dry_run_token_used']))
  })

  test('is worth nothing without the right to invoke', async () => {
    const made = await api.call('POST /api-keys', { name: 'short', kind: 'agent' })
    const { id, key: secret } = z.object({ id: z.string(), key: z.string() }).parse(made.body)
    const agent = new ApiClient(api.url, secret)
    const token = await tokenOf({ client: agent })
    expect((await api.call(`DELETE /api-keys/${id}`)).status).toBeLessThan(300)
    expect((await invoke({ input, token }, { client: agent })).status).toBe(401)

    const login = { email: 'ada@example.com', password: 'correct horse battery' }
    await api.call('POST /users', { ...login, role: 'operator' })
    const userOf = async (): Promise<ApiClient> => {
      const { body } = await api.asked('POST /auth/login', {
        body: JSON.stringify(login),
        headers: { 'content-type': 'application/json' },
      })
      return new ApiClient(api.url, loginDocument.parse(body).token)
    }
    const ada = await userOf()
    const planned = await tokenOf({ client: ada })
    const lowered = await api.call(`PATCH /users/${login.email}`, { role: 'viewer' })
    expect(lowered.status, JSON.stringify(lowered.body)).toBe(200)
    expect([401, 403]).toContain((await invoke({ input, token: planned }, { client: ada })).status)
    const viewer = await userOf()
    const denied = await invoke({ input, token: planned }, { client: viewer })
    expect([denied.status, codeOf(denied)]).toEqual([403, 'permission_denied'])
    expect(vendor.requests).toEqual([])
  })
})

test('one of 64 calls under the same key at the same time is carried out', async () => {
  const headers = { 'idempotency-key': randomUUID() }
  const ends = await Promise.all(Array.from({ length: 64 }, () => invoke({ input }, { headers })))
  expect(vendor.requests).toHaveLength(1)
  for (const end of ends)
    expect(['done', 'idempotency_key_in_use']).toContain(end.status === 200 ? 'done' : codeOf(end))
  const replayed = await invoke({ input }, { headers })
  expect(replayed.headers.get('idempotent-replayed')).toBe('true')
})

test('a key of one principal says nothing to another', async () => {
  const headers = { 'idempotency-key': randomUUID() }
  const other = await api.clientOf({ name: 'somebody', kind: 'operator' })
  await invoke({ input }, { headers })
  const own = await invoke({ input: { email: 'eve@example.com' } }, { headers, client: other })
  expect([own.status, own.headers.get('idempotent-replayed')]).toEqual([200, null])
  expect(vendor.requests).toHaveLength(2)
})

test('what a vendor nests without end is an outcome that nobody knows, and ends nothing else', async () => {
  const levels = 100_000
  vendor.respond = (_request, response) => {
    const text = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    return undefined
  }
  const headers = { 'idempotency-key': randomUUID() }
  const first = await invoke({ input }, { headers })
  expect([first.status, codeOf(first)]).toEqual([502, 'action_response_unreadable'])
  // The vendor may have done it: it gets the same key again, by which it knows.
  const again = await invoke({ input }, { headers })
  expect(codeOf(again)).toBe('action_response_unreadable')
  const keys = vendor.requests.map((request) => request.headers['idempotency-key'])
  expect(keys).toHaveLength(2)
  expect(keys[1]).toBe(keys[0])
})
