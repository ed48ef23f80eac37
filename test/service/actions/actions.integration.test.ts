import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ScriptedVendor, type VendorScript } from '../../fakes/scripted-vendor.ts'
import { dumpOf } from '../../support/all-texts.ts'
import type { Answer, ApiClient } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { longTest, usually } from '../../support/long.ts'

const liveKey = 'sk_live_planted4711secret'
const input = { email: 'ada@example.com', name: 'Ada Lovelace', metadata: { team: 'a & b' } }
const customer = { id: 'cus_1', object: 'customer', client_secret: 'planted4711output' }
const succeed: VendorScript = () => ({ body: customer, headers: { 'request-id': 'req_1' } })

let api: TestApi
let vendor: ScriptedVendor
let agent: ApiClient
beforeAll(async () => {
  vendor = await ScriptedVendor.start(succeed)
  api = await TestApi.start()
  agent = await api.clientOf({ name: 'robot', kind: 'agent' })
  for (const [name, key] of [
    ['live', liveKey],
    ['test', 'sk_test_planted4711other'],
  ] as const) {
    const config = { api_key: key, api_url: vendor.url }
    const made = await api.call('POST /instances', { name, type: 'stripe', config })
    expect(made.status).toBe(201)
  }
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  vendor.requests.length = 0
  vendor.respond = succeed
})

const dryRunDocument = z.looseObject({
  dry_run: z.string(),
  token: z.string(),
  request: z.object({
    method: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
  }),
})

function invoke(
  body: unknown,
  {
    client = api.client,
    instance = 'live',
    action = 'createCustomer',
    key,
    scope,
  }: {
    client?: ApiClient
    instance?: string
    action?: string
    key?: string
    scope?: 'instance'
  } = {},
): Promise<Answer> {
  const path = `POST /instances/${instance}/actions/${action}/invoke`
  return client.call(path, body, {
    ...(key !== undefined && { 'idempotency-key': key }),
    ...(scope !== undefined && { 'idempotency-scope': scope }),
  })
}

function codeOf({ body }: Answer): string | undefined {
  return z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code
}

async function dryRun(client: ApiClient = api.client, call: unknown = input) {
  const { status, body } = await invoke({ input: call, dry_run: true }, { client })
  expect(status).toBe(200)
  return dryRunDocument.parse(body)
}

test('the actions of an instance are listed and shown with their schemas', async () => {
  const listed = await api.call('GET /instances/live/actions')
  const { items } = z
    .object({ items: z.array(z.looseObject({ name: z.string() })) })
    .parse(listed.body)
  expect(items.find(({ name }) => name === 'createCustomer')).toMatchObject({ effect: 'create' })
  const shown = await api.call('GET /instances/live/actions/deleteCustomer')
  expect(shown.body).toMatchObject({
    effect: 'delete',
    requires_confirmation: true,
    input: { type: 'object', required: ['id'], additionalProperties: false },
  })
  const none = await api.call('GET /instances/live/actions/nothing')
  expect([none.status, codeOf(none)]).toEqual([404, 'action_not_found'])
})

describe('a dry-run', () => {
  test('with a live key sends nothing, and shows what the invocation with its token sends', async () => {
    const shown = await dryRun()
    expect(vendor.requests).toEqual([])
    expect(shown).toMatchObject({ dry_run: 'synthesized', credentials: 'ready' })
    const done = await invoke({ input, token: shown.token })
    expect(done.body).toEqual({
      action: 'createCustomer',
      output: customer,
      vendor_request_id: 'req_1',
    })
    const { method, url, headers, body } = vendor.last
    expect([method, `${vendor.url}${url}`, body]).toEqual([
      shown.request.method,
      shown.request.url,
      shown.request.body,
    ])
    for (const [name, value] of Object.entries(shown.request.headers))
      expect([name, headers[name.toLowerCase()]]).toEqual([name, value.replace('***', liveKey)])
    const named = Object.keys(shown.request.headers).map((name) => name.toLowerCase())
    const ofConnection = ['connection', 'content-length', 'host']
    expect([...named, ...ofConnection].toSorted()).toEqual(Object.keys(headers).toSorted())
  })

  test('with a test key is carried out in the test mode of the vendor, and says so', async () => {
    const { body } = await invoke({ input, dry_run: true }, { instance: 'test' })
    expect(body).toMatchObject({ dry_run: 'native', output: customer, vendor_request_id: 'req_1' })
    expect(vendor.requests).toHaveLength(1)
  })

  test('that is synthesized sends nothing with a test key either, and its token carries it out', async () => {
    const gone = { id: 'cus_1', object: 'customer', deleted: true }
    vendor.respond = () => ({ body: gone, headers: { 'request-id': 'req_1' } })
    const call = { input: { id: 'cus_1' } }
    const place = { instance: 'test', action: 'deleteCustomer' }
    const shown = await invoke({ ...call, dry_run: 'synthesized' }, place)
    // The dry-run of an action that needs a confirmation, and every dry-run of an agent, is synthesized
    // unless the caller says otherwise.
    const confirmed = await invoke({ ...call, dry_run: true }, place)
    const ofAgent = await invoke({ input, dry_run: true }, { instance: 'test', client: agent })
    for (const { body } of [shown, confirmed, ofAgent])
      expect(body).toMatchObject({ dry_run: 'synthesized', vendor_request_id: null })
    expect(vendor.requests).toEqual([])
    const { token } = dryRunDocument.omit({ request: true }).parse(shown.body)
    expect((await invoke({ ...call, token }, place)).status).toBe(200)
    expect(vendor.last.method).toBe('DELETE')
    expect(vendor.last.headers).not.toHaveProperty('idempotency-key')
    const native = await invoke({ ...call, dry_run: 'native' }, { ...place, client: agent })
    expect(native.body).toMatchObject({ dry_run: 'native', vendor_request_id: 'req_1' })
  })

  test('that is to be native is refused without credentials of a test mode', async () => {
    const refused = await invoke({ input, dry_run: 'native' })
    expect([refused.status, codeOf(refused)]).toEqual([422, 'dry_run_unsupported'])
    expect(JSON.stringify(refused.body)).toContain('"dry_run\\": \\"synthesized')
    expect(vendor.requests).toEqual([])
  })

  test.each(['true', 1, null])(
    'that is written as %j is refused for what it is, also to an agent',
    async (written) => {
      const refused = await invoke({ input, dry_run: written }, { client: agent })
      expect([refused.status, codeOf(refused)]).toEqual([400, 'request_invalid'])
      expect(JSON.stringify(refused.body)).toContain('body/dry_run: must be true, false')
    },
  )

  test('gives a token that is good for one invocation of the same input by the same principal', async () => {
    const { token } = await dryRun()
    const other = await invoke({ input: { ...input, name: 'Eve' }, token })
    expect([other.status, codeOf(other)]).toEqual([403, 'dry_run_token_invalid'])
    expect(codeOf(await invoke({ input, token }, { client: agent }))).toBe('dry_run_token_invalid')
    // Its signature is the last 43 characters.
    const forged = `${token.slice(0, -43)}${'A'.repeat(43)}`
    expect(codeOf(await invoke({ input, token: forged }))).toBe('dry_run_token_invalid')
    expect(vendor.requests).toEqual([])
    expect((await invoke({ input, token })).status).toBe(200)
    expect(codeOf(await invoke({ input, token }))).toBe('dry_run_token_used')
    expect(vendor.requests).toHaveLength(1)
  })

  test('works without credentials, and says that they are missing', async () => {
    const config = { api_url: vendor.url }
    await api.call('POST /instances', { name: 'bare', type: 'stripe', config })
    const shown = await invoke({ input, dry_run: true }, { instance: 'bare' })
    expect(shown.body).toMatchObject({ dry_run: 'synthesized', credentials: 'missing' })
    const refused = await invoke({ input }, { instance: 'bare' })
    expect(codeOf(refused)).toBe('credentials_missing')
  })
})

test('a secret that is given anew is used by the next call, and ends what was shown with the old one', async () => {
  const name = 'rotated'
  const config = { api_key: 'sk_live_planted4711before', api_url: vendor.url }
  await api.call('POST /instances', { name, type: 'stripe', config })
  const sentWith = async (): Promise<unknown> => {
    expect((await invoke({ input }, { instance: name })).status).toBe(200)
    return vendor.last.headers.authorization
  }
  expect(await sentWith()).toBe('Bearer sk_live_planted4711before')
  const shown = await invoke({ input, dry_run: true }, { instance: name })
  const { token } = dryRunDocument.parse(shown.body)
  await api.call(`POST /instances/${name}/credentials`, { api_key: 'sk_live_planted4711after' })
  expect(await sentWith()).toBe('Bearer sk_live_planted4711after')
  const late = await invoke({ input, token }, { instance: name })
  expect(codeOf(late)).toBe('dry_run_token_invalid')
})

test('a secret that the vendor refuses is read again for the next call', async () => {
  const name = 'refused'
  const config = { api_key: 'sk_live_planted4711wrong', api_url: vendor.url }
  const made = await api.call('POST /instances', { name, type: 'stripe', config })
  vendor.respond = () => ({ status: 401, body: { error: { message: 'Invalid API Key' } } })
  expect(codeOf(await invoke({ input }, { instance: name }))).toBe('action_credentials_refused')
  vendor.respond = succeed
  // As an operator does who writes to the vault itself.
  const { id } = z.object({ id: z.string() }).parse(made.body)
  await api.vault.put(`instances/${id}`, { '/api_key': 'sk_live_planted4711right' })
  expect((await invoke({ input }, { instance: name })).status).toBe(200)
  expect(vendor.last.headers.authorization).toBe('Bearer sk_live_planted4711right')
})

describe('an agent', () => {
  test('invokes a write only with the token of a dry-run', async () => {
    const refused = await invoke({ input }, { client: agent })
    expect([refused.status, codeOf(refused)]).toEqual([403, 'permission_denied'])
    expect(vendor.requests).toEqual([])
    const { token } = await dryRun(agent)
    expect((await invoke({ input, token }, { client: agent })).status).toBe(200)
    // It has no audit log to look into.
    const { body } = await invoke({ input, token }, { client: agent })
    expect(JSON.stringify(body)).toContain('`reactor connect actions list live`')
  })
})

describe('the input', () => {
  test('is checked before anything is sent, and each problem has its path', async () => {
    const wrong = { email: 3, address: { country: 'Germany', citi: 'Bonn' }, colour: 'red' }
    const { status, body } = await invoke({ input: wrong })
    expect(status).toBe(422)
    expect(body).toMatchObject({
      error: {
        code: 'action_input_invalid',
        details: {
          problems: [
            { path: '/email' },
            { path: '/address/country' },
            { path: '/address/citi', problem: 'there is no such field; did you mean `city`?' },
            { path: '/colour' },
          ],
        },
        suggested_fix: expect.stringContaining(
          '`reactor connect actions show live createCustomer`',
        ) as string,
      },
    })
    expect(vendor.requests).toEqual([])
  })
})

test('a result has all digits of its numbers', async () => {
  const digits = '"big":9007199254740993,"e":1e400'
  vendor.respond = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"id":"cus_1","object":"customer",${digits}}`)
    return undefined
  }
  const path = `${api.url}/connect/v1/instances/live/actions/createCustomer/invoke`
  const headers = {
    authorization: `Bearer ${api.client.key}`,
    'content-type': 'application/json',
    'idempotency-key': randomUUID(),
  }
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify({ input }) })
  expect(await response.text()).toContain(digits)
})

describe('an idempotency key', () => {
  test('carries a call out once, and refuses another input', async () => {
    const key = randomUUID()
    const first = await invoke({ input }, { key })
    const again = await invoke({ input }, { key })
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(vendor.requests).toHaveLength(1)
    const other = await invoke({ input: { email: 'eve@example.com' } }, { key })
    expect([other.status, codeOf(other)]).toEqual([409, 'idempotency_key_reused'])
  })

  test('of calls at the same time lets one through', async () => {
    const key = randomUUID()
    const ends = await Promise.all(Array.from({ length: 6 }, () => invoke({ input }, { key })))
    expect(vendor.requests).toHaveLength(1)
    const codes = ends.map((end) => (end.status === 200 ? 'done' : (codeOf(end) ?? '')))
    for (const code of codes) expect(['done', 'idempotency_key_in_use']).toContain(code)
  })

  test('reaches the vendor as the same key each time that the call is sent', async () => {
    const key = randomUUID()
    let count = 0
    vendor.respond = (request, response) => {
      count += 1
      return count === 1 ? { status: 500, body: {} } : succeed(request, response)
    }
    expect((await invoke({ input }, { key })).status).toBe(200)
    const keys = vendor.requests.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBe(keys[1])
    expect(keys[0]).not.toContain(key)
  })

  test('is free again after a call that the vendor refused', async () => {
    const key = randomUUID()
    vendor.respond = () => ({ status: 400, body: { error: { message: 'no such thing' } } })
    expect(codeOf(await invoke({ input }, { key }))).toBe('action_refused')
    vendor.respond = succeed
    expect((await invoke({ input }, { key })).status).toBe(200)
  })
})

/**
 * Returns the different idempotency keys of the requests: the vendor treats each of them as a call of its
 * own.
 */
function vendorKeys(): readonly unknown[] {
  return [...new Set(vendor.requests.map(({ headers }) => headers['idempotency-key']))]
}

describe('a call that failed and comes again under its key', () => {
  const silence: VendorScript = () => undefined
  const refuse: VendorScript = () => ({ status: 402, body: { error: { message: 'declined' } } })

  test('is the same one for the vendor after a lost response, with the token of before or a new one', async () => {
    for (const isNew of [false, true]) {
      vendor.requests.length = 0
      const key = randomUUID()
      const { token } = await dryRun(agent)
      vendor.respond = silence
      const lost = await invoke({ input, token, timeout_seconds: 1 }, { client: agent, key })
      expect(codeOf(lost)).toBe('action_unavailable')
      vendor.respond = succeed
      const next = isNew ? (await dryRun(agent)).token : token
      const done = await invoke({ input, token: next }, { client: agent, key })
      expect(done.status).toBe(200)
      expect(vendorKeys()).toHaveLength(1)
      // The token is used up, for whatever else.
      expect(codeOf(await invoke({ input, token: next }, { client: agent }))).toBe(
        'dry_run_token_used',
      )
    }
  })

  test('has the stored result although its token is no longer good', async () => {
    const key = randomUUID()
    const { token } = await dryRun(agent)
    const first = await invoke({ input, token }, { client: agent, key })
    const stale = `${token.slice(0, -2)}AA`
    const again = await invoke({ input, token: stale }, { client: agent, key })
    expect([again.status, again.body]).toEqual([200, first.body])
    expect(vendor.requests).toHaveLength(1)
  })

  test('with another input is refused while the first one may have been carried out', async () => {
    const key = randomUUID()
    vendor.respond = silence
    await invoke({ input, timeout_seconds: 1 }, { key })
    vendor.respond = succeed
    const other = await invoke({ input: { email: 'eve@example.com' } }, { key })
    expect([other.status, codeOf(other)]).toEqual([409, 'idempotency_key_reused'])
    expect((await invoke({ input }, { key })).status).toBe(200)
    expect(vendorKeys()).toHaveLength(1)
  })

  longTest(
    'is the same one for the vendor if its credentials ended between two tries',
    async () => {
      const key = randomUUID()
      let count = 0
      vendor.respond = () => {
        count += 1
        const error = { message: 'no' }
        return count === 1 ? { status: 500, body: {} } : { status: 401, body: { error } }
      }
      const failed = await invoke({ input }, { key })
      expect(codeOf(failed)).toBe('action_credentials_refused')
      vendor.respond = succeed
      expect((await invoke({ input }, { key })).status).toBe(200)
      expect(vendor.requests.length).toBeGreaterThan(2)
      expect(vendorKeys()).toHaveLength(1)
    },
  )

  const turnedAway: readonly [string, VendorScript, code: string][] = [
    [
      'a limit',
      () => ({ status: 429, headers: { 'retry-after': '30' }, body: {} }),
      'action_unavailable',
    ],
    [
      'its credentials',
      () => ({ status: 401, body: { error: { message: 'no' } } }),
      'action_credentials_refused',
    ],
    [
      'a permission',
      () => ({ status: 403, body: { error: { message: 'no' } } }),
      'action_permission_denied',
    ],
    [
      'another request with its key',
      () => ({ status: 409, body: { error: { code: 'idempotency_key_in_use' } } }),
      'action_unavailable',
    ],
    [
      'a decline',
      () => ({ status: 402, body: { error: { type: 'card_error', message: 'declined' } } }),
      'action_declined',
    ],
  ]
  test.each(usually(1, turnedAway))(
    'is the same one for the vendor if it is turned away in between because of %s',
    async (_name, turnAway, code) => {
      const key = randomUUID()
      vendor.respond = silence
      await invoke({ input, timeout_seconds: 1 }, { key })
      vendor.respond = turnAway
      expect(codeOf(await invoke({ input, timeout_seconds: 1 }, { key }))).toBe(code)
      const { body } = await api.call('GET /audit?action=actions:invoke&limit=1')
      const outcome = code === 'action_declined' ? 'failed' : 'unknown'
      expect(body).toMatchObject({ items: [{ outcome, error: code }] })
      vendor.respond = succeed
      expect((await invoke({ input }, { key })).status).toBe(200)
      expect(vendorKeys()).toHaveLength(1)
    },
  )

  test('is the same one for the vendor if its token was refused in between', async () => {
    const key = randomUUID()
    const { token } = await dryRun(agent)
    vendor.respond = silence
    await invoke({ input, token, timeout_seconds: 1 }, { client: agent, key })
    vendor.respond = succeed
    const used = (await dryRun(agent)).token
    await invoke({ input, token: used }, { client: agent, key: randomUUID() })
    vendor.requests.splice(1)
    const refused = await invoke({ input, token: used }, { client: agent, key })
    expect(codeOf(refused)).toBe('dry_run_token_used')
    const again = await invoke(
      { input, token: (await dryRun(agent)).token },
      { client: agent, key },
    )
    expect(again.status).toBe(200)
    expect(vendorKeys()).toHaveLength(1)
  })

  test('is a new one for the vendor after a refusal, which it would only repeat', async () => {
    const key = randomUUID()
    vendor.respond = refuse
    expect(codeOf(await invoke({ input }, { key }))).toBe('action_refused')
    vendor.respond = succeed
    expect((await invoke({ input }, { key })).status).toBe(200)
    expect(vendorKeys()).toHaveLength(2)
  })
})

describe('a call of unknown outcome that comes again under its key', () => {
  const account = { account_id: 'acct_A' }
  const before = { api_key: 'sk_live_planted4711before', ...account }
  const cases: readonly (readonly [
    change: string,
    before: Record<string, string>,
    after: Record<string, string>,
    code: 'action_account_changed' | undefined,
  ])[] = [
    ['another connected account', before, { account_id: 'acct_B' }, 'action_account_changed'],
    ['another address', before, { api_url: 'other' }, 'action_account_changed'],
    [
      'a live key in the place of a test key',
      { ...before, api_key: 'sk_test_planted4711before' },
      { api_key: 'sk_live_planted4711after' },
      'action_account_changed',
    ],
    [
      'a key of an account that nobody has named',
      { api_key: 'sk_live_planted4711before' },
      { api_key: 'sk_live_planted4711after' },
      'action_account_changed',
    ],
    ['another key of the same account', before, { api_key: 'sk_live_planted4711after' }, undefined],
    ['a change of something else', before, { requests_per_second: '7' }, undefined],
  ]

  longTest('is sent to no other account, and to the same one as the same call', async () => {
    vendor.respond = () => undefined
    const calls = await Promise.all(
      cases.map(async ([change, config, after, code], index) => {
        const instance = `account-${String(index)}`
        const made = { ...config, api_url: vendor.url }
        await api.call('POST /instances', { name: instance, type: 'stripe', config: made })
        const call = { instance, key: randomUUID() }
        const own = { email: `${instance}@example.com` }
        const lost = await invoke({ input: own, timeout_seconds: 1 }, call)
        expect([change, codeOf(lost)]).toEqual([change, 'action_unavailable'])
        const { requests_per_second: rate, api_url: url, ...others } = after
        const changed = {
          ...made,
          ...others,
          ...(rate !== undefined && { requests_per_second: Number(rate) }),
          ...(url !== undefined && { api_url: vendor.url.replace('127.0.0.1', 'localhost') }),
        }
        const { status } = await api.call(`PATCH /instances/${instance}`, { config: changed })
        expect([change, status]).toEqual([change, 200])
        return { change, call, code, made, own }
      }),
    )
    vendor.respond = succeed
    for (const { change, call, code, made, own } of calls) {
      const sentBefore = vendor.requests.length
      const again = await invoke({ input: own }, call)
      expect([change, codeOf(again)]).toEqual([change, code])
      if (code !== undefined) {
        expect([change, again.status]).toEqual([change, 409])
        expect(vendor.requests).toHaveLength(sentBefore)
        await api.call(`PATCH /instances/${call.instance}`, { config: made })
        expect([change, (await invoke({ input: own }, call)).status]).toEqual([change, 200])
      }
      const keys = vendor.requests
        .filter(({ body }) => body.includes(call.instance))
        .map(({ headers }) => headers['idempotency-key'])
      expect([change, new Set(keys).size]).toEqual([change, 1])
    }
  })

  longTest('is not sent if an older version did not note the account', async () => {
    const key = randomUUID()
    vendor.respond = () => undefined
    await invoke({ input, timeout_seconds: 1 }, { key })
    vendor.respond = succeed
    await api.database.query(
      'UPDATE reactor_connect_service.idempotency_keys SET account = NULL WHERE key = $1',
      [key],
    )
    expect(codeOf(await invoke({ input }, { key }))).toBe('action_account_changed')
    const { body } = await api.call('GET /audit?action=actions:invoke&limit=1')
    expect(body).toMatchObject({ items: [{ outcome: 'unknown', error: 'action_account_changed' }] })
    expect(vendor.requests).toHaveLength(1)
  })
})

test('a stored result is that of the key, whatever became of the account', async () => {
  const place = { instance: 'moved', key: randomUUID() }
  const config = { api_key: 'sk_live_planted4711before', api_url: vendor.url }
  await api.call('POST /instances', { name: place.instance, type: 'stripe', config })
  const first = await invoke({ input }, place)
  await api.call('POST /instances/moved/credentials', { api_key: 'sk_live_planted4711after' })
  const again = await invoke({ input }, place)
  expect([again.status, again.body]).toEqual([200, first.body])
  expect(vendor.requests).toHaveLength(1)
})

describe('a key of the instance', () => {
  const scope = 'instance'

  test('is the same call for all who may invoke, and one of the caller is not', async () => {
    const key = randomUUID()
    const other = await api.clientOf({ name: 'pod two', kind: 'operator' })
    const first = await invoke({ input }, { key, scope })
    const again = await invoke({ input }, { key, scope, client: other })
    expect([again.status, again.body]).toEqual([200, first.body])
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(vendor.requests).toHaveLength(1)
    const changed = await invoke(
      { input: { email: 'b@example.com' } },
      { key, scope, client: other },
    )
    expect(codeOf(changed)).toBe('idempotency_key_reused')
    expect((await invoke({ input }, { key, client: other })).status).toBe(200)
    expect(vendorKeys()).toHaveLength(2)
  })

  test('shows its result to nobody who may not invoke', async () => {
    const key = randomUUID()
    const done = await invoke({ input }, { key, scope })
    const viewer = await api.clientOf({ name: 'viewer', kind: 'viewer' })
    const { token } = await dryRun()
    for (const [client, body, code] of [
      [viewer, { input }, 'permission_denied'],
      [agent, { input }, 'permission_denied'],
      [agent, { input, token: 'rdt.x' }, 'dry_run_token_invalid'],
      [agent, { input, token }, 'dry_run_token_invalid'],
    ] as const)
      expect(codeOf(await invoke(body, { client, key, scope }))).toBe(code)
    const own = (await dryRun(agent)).token
    const shown = await invoke({ input, token: own }, { client: agent, key, scope })
    expect(shown.body).toEqual(done.body)
    expect(vendor.requests).toHaveLength(1)
  })

  test('has to be given', async () => {
    const refused = await invoke({ input }, { scope })
    expect([refused.status, codeOf(refused)]).toEqual([400, 'request_invalid'])
  })
})

describe('a failure of the vendor', () => {
  const cases: readonly [name: string, script: VendorScript, code: string][] = [
    [
      'that refuses the key',
      () => ({ status: 401, body: { error: { message: 'Invalid API Key provided' } } }),
      'action_credentials_refused',
    ],
    ['that lacks a right', () => ({ status: 403, body: {} }), 'action_permission_denied'],
    [
      'that refuses the call',
      () => ({ status: 400, body: { error: { code: 'parameter_missing', message: 'missing' } } }),
      'action_refused',
    ],
    [
      'whose bank declines the card',
      () => ({ status: 402, body: { error: { code: 'card_declined', message: 'declined' } } }),
      'action_declined',
    ],
    [
      'that asks to wait longer than the call may last',
      () => ({ status: 429, headers: { 'retry-after': '3600' }, body: {} }),
      'action_rate_limited',
    ],
    [
      'that sends something else than JSON',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": ')
        return undefined
      },
      'action_response_unreadable',
    ],
  ]
  test.each(cases)('%s has its code and the words of the vendor', async (_name, script, code) => {
    vendor.respond = (request, response) => {
      response.setHeader('request-id', 'req_7')
      return script(request, response)
    }
    const { body } = await invoke({ input, timeout_seconds: 5 })
    expect(body).toMatchObject({ error: { code } })
  })

  test('that has a time says when to try again, also in the header', async () => {
    vendor.respond = () => ({ status: 429, headers: { 'retry-after': '86400' }, body: {} })
    const { status, headers, body } = await invoke({ input, timeout_seconds: 5 })
    expect([status, headers.get('retry-after')]).toEqual([503, '86400'])
    expect(body).toMatchObject({ error: { details: { retry_after_seconds: 86_400 } } })
  })

  test('that passes is tried again, as the vendor asks', async () => {
    let count = 0
    vendor.respond = (request, response) => {
      count += 1
      if (count === 1) return { status: 429, headers: { 'retry-after': '1' }, body: {} }
      return succeed(request, response)
    }
    expect((await invoke({ input })).status).toBe(200)
    expect(count).toBe(2)
  })

  test.each([
    ['of a write whose caller has no key leaves its outcome unknown', undefined, 502],
    ['of a write with a key of its caller may be tried again', randomUUID(), 502],
  ])('that does not respond in time, %s', async (_, key, expected) => {
    vendor.respond = () => undefined
    const options = key === undefined ? {} : { key }
    const { status, body } = await invoke({ input, timeout_seconds: 1 }, options)
    expect(status).toBe(expected)
    expect(body).toMatchObject({
      error: {
        code: key === undefined ? 'action_outcome_unknown' : 'action_unavailable',
        message: expect.stringContaining('in time') as string,
      },
    })
  })
})

test('the audit log has the effect and the hash of a call before the vendor responds', async () => {
  let end: () => void = () => undefined
  const isSent = new Promise<void>((resolve) => {
    vendor.respond = (_request, response) => {
      end = () => response.end(JSON.stringify(customer))
      resolve()
      return undefined
    }
  })
  const call = invoke({ input })
  await isSent
  const { body } = await api.call('GET /audit?action=actions:invoke&limit=1')
  expect(body).toMatchObject({
    items: [
      { outcome: 'begun', details: { effect: 'create', input_hash: expect.any(String) as string } },
    ],
  })
  end()
  expect((await call).status).toBe(200)
})

test('every call has an entry in the audit log, without its input', async () => {
  const { token } = await dryRun(agent)
  await invoke({ input, token }, { client: agent })
  vendor.respond = () => ({
    status: 402,
    headers: { 'request-id': 'req_9' },
    body: { error: { message: 'declined' } },
  })
  await invoke({ input })
  vendor.respond = () => undefined
  await invoke({ input, timeout_seconds: 1 })
  vendor.respond = succeed
  await invoke({ input, dry_run: true }, { instance: 'test' })
  await invoke({ input }, { client: agent })
  const { body } = await api.call('GET /audit?action=actions:invoke&limit=6')
  expect(body).toMatchObject({
    items: [
      {
        principal: { kind: 'agent' },
        outcome: 'denied',
        details: { invoked: 'createCustomer' },
      },
      {
        outcome: 'done',
        details: {
          invoked: 'createCustomer',
          dry_run: true,
          effect: 'create',
          input_hash: expect.any(String) as string,
          vendor_request_id: 'req_1',
        },
      },
      {
        outcome: 'unknown',
        error: 'action_outcome_unknown',
        details: { invoked: 'createCustomer', effect: 'create' },
      },
      {
        outcome: 'failed',
        error: 'action_refused',
        details: { invoked: 'createCustomer', effect: 'create', vendor_request_id: 'req_9' },
      },
      {
        principal: { name: 'robot', kind: 'agent' },
        name: 'live',
        outcome: 'done',
        details: { invoked: 'createCustomer', effect: 'create', vendor_request_id: 'req_1' },
      },
      { outcome: 'done', details: { invoked: 'createCustomer', dry_run: true } },
    ],
  })
  expect(JSON.stringify(body)).not.toContain('ada@example.com')
})

test('neither the credentials nor what the vendor responded are in a table or in the log', async () => {
  vendor.respond = ({ headers }) => ({
    status: 400,
    body: { error: { message: `not with ${String(headers.authorization)}` } },
  })
  const refused = await invoke({ input }, { key: randomUUID() })
  vendor.respond = succeed
  await invoke({ input }, { key: randomUUID() })
  const shown = JSON.stringify([refused.body, api.logLines, await dumpOf(api.database)])
  expect(shown).toContain('not with')
  expect(shown).not.toContain('planted4711')
  expect(shown).not.toContain('Lovelace')
})
