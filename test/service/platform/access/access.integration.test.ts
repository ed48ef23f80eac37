import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Scope } from '../../../../service/platform/access/principal.ts'
import type { Answer, ApiClient } from '../../../support/api-client.ts'
import { TestApi } from '../../../support/test-api.ts'

const page = z.object({
  items: z.array(z.looseObject({ name: z.string() })),
  next_cursor: z.string().nullable(),
})
const withId = z.object({ id: z.string() })
const inUse = z.object({ error: z.object({ message: z.string(), details: z.unknown() }) })
const fakerConfig = { streams: [{ name: 'items', rows: 3 }] }
const noRun = `run_${'0'.repeat(26)}`

let api: TestApi
/** Runs of connections that a scoped key sees, and does not. */
let ownRun: string
let hiddenRun: string

beforeAll(async () => {
  api = await TestApi.start()
  ownRun = await startedRun('team-a-own')
  hiddenRun = await startedRun('secret')
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

describe('a key with scopes', () => {
  const scopes: readonly Scope[] = [
    { action: 'instances:*', names: ['team-a-*'] },
    { action: 'connections:*', names: ['team-a-*'] },
    { action: 'runs:*', names: ['team-a-*'] },
  ]
  let client: ApiClient
  beforeAll(async () => {
    client = await api.clientOf({ name: 'team a', kind: 'operator', scopes })
  })

  test('does what they are for', async () => {
    expect((await client.call('GET /instances/team-a-own')).status).toBe(200)
    expect((await client.call('GET /connections/team-a-own')).status).toBe(200)
    expect((await client.call(`GET /runs/${ownRun}`)).status).toBe(200)
    expect((await client.call('GET /auth/whoami')).body).toMatchObject({
      kind: 'operator',
      via: 'api_key',
      scopes: [{ action: 'instances:*', names: ['team-a-*'] }, {}, {}],
    })
    const { body } = await client.call('GET /catalog')
    expect(body).toMatchObject({
      error: {
        code: 'permission_denied',
        message: 'An operator with these scopes may not do catalog:read',
      },
    })
  })

  test('gets the same answer for what exists and what does not', async () => {
    const pairs = [
      ['GET /instances/secret', 'GET /instances/nothing'],
      ['DELETE /instances/secret', 'DELETE /instances/nothing'],
      ['POST /instances/secret/check', 'POST /instances/nothing/check'],
      ['GET /instances/secret/codegen', 'GET /instances/nothing/codegen'],
      ['GET /connections/secret', 'GET /connections/nothing'],
      ['POST /connections/secret/pause', 'POST /connections/nothing/pause'],
      ['GET /connections/secret/runs', 'GET /connections/nothing/runs'],
      ['POST /connections/secret/runs', 'POST /connections/nothing/runs'],
      [`GET /connections/secret/runs/${hiddenRun}`, `GET /connections/nothing/runs/${hiddenRun}`],
      [`GET /runs/${hiddenRun}`, `GET /runs/${noRun}`],
      [`GET /runs/${hiddenRun}/logs`, `GET /runs/${noRun}/logs`],
      [`POST /runs/${hiddenRun}/cancel`, `POST /runs/${noRun}/cancel`],
      [`POST /runs/${hiddenRun}/retry`, `POST /runs/${noRun}/retry`],
    ] as const
    for (const [real, absent] of pairs) {
      const answers = [await client.call(real), await client.call(absent)]
      expect(answers[0]?.status, real).toBe(403)
      expect(comparable(answers[0])).toBe(comparable(answers[1]))
    }
  })

  test('learns no name by making one that is taken, or by reading from an instance', async () => {
    const make = (name: string): Promise<Answer> =>
      client.call('POST /instances', { name, type: 'faker', config: fakerConfig })
    const taken = await make('secret')
    expect(taken.status).toBe(403)
    expect(comparable(taken)).toBe(comparable(await make('nothing')))
    const bind = (from: string): Promise<Answer> =>
      client.call('POST /connections', { name: 'team-a-new', from, destination: 'data:x' })
    const hidden = await bind('secret')
    expect(hidden).toMatchObject({
      status: 403,
      body: { error: { details: { action: 'instances:read' } } },
    })
    expect(comparable(hidden)).toBe(comparable(await bind('nothing')))
    expect((await make('team-a-own')).body).toMatchObject({ error: { code: 'name_taken' } })
  })

  test('is told which connections use an instance, of those that it may read', async () => {
    await newInstance('team-a-used')
    const connect = async (name: string): Promise<void> => {
      const binding = { name, from: 'team-a-used', destination: 'data:shop' }
      expect((await api.client.call('POST /connections', binding)).status).toBe(201)
    }
    const usedBy = async (caller: ApiClient): Promise<unknown> => {
      const { status, body } = await caller.call('DELETE /instances/team-a-used')
      expect(status).toBe(409)
      return inUse.parse(body).error
    }
    await connect('secret-user')
    expect(await usedBy(client)).toEqual({
      message: 'Instance team-a-used is used by connections',
      details: { instance: 'team-a-used', connections: [], used_by: 'connections' },
    })
    expect(await usedBy(api.client)).toMatchObject({
      message: 'Instance team-a-used is used by connection secret-user',
    })
    for (const number of [1, 2, 3, 4, 5, 6, 7]) await connect(`team-a-user-${String(number)}`)
    const five = [1, 2, 3, 4, 5].map((number) => `team-a-user-${String(number)}`)
    expect(await usedBy(client)).toMatchObject({
      message: `Instance team-a-used is used by connections ${five.join(', ')} and 2 more`,
      details: { connections: five },
    })
    const scopes: readonly Scope[] = [{ action: 'instances:*', names: null }]
    const blind = await api.clientOf({ name: 'blind', kind: 'operator', scopes })
    expect(await usedBy(blind)).toMatchObject({ details: { connections: [] } })
  })

  test('gets no kept answer of another principal by its Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'shared-key' }
    const input = { name: 'team-a-idempotent', type: 'faker', config: fakerConfig }
    expect((await api.client.call('POST /instances', input, key)).status).toBe(201)
    const again = await client.call('POST /instances', input, key)
    expect(again.headers.get('idempotent-replayed')).toBeNull()
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'name_taken' } } })
  })

  test('lists what it may read: full pages, and no cursor that names another', async () => {
    for (let count = 0; count < 12; count++) {
      const suffix = String(count).padStart(2, '0')
      const names = [`aa-${suffix}`, `team-a-${suffix}`, `zz-${suffix}`]
      for (const name of names) await newInstance(name)
    }
    const seen: string[] = []
    let cursor = ''
    for (;;) {
      const { body } = await client.call(`GET /instances?limit=7${cursor}`)
      const { items, next_cursor: next } = page.parse(body)
      seen.push(...items.map(({ name }) => name))
      if (next === null) break
      expect(items).toHaveLength(7)
      expect(Buffer.from(next, 'base64url').toString()).toContain('team-a-')
      cursor = `&cursor=${encodeURIComponent(next)}`
    }
    expect(seen).toEqual(seen.toSorted())
    expect(seen).toEqual([...new Set(seen)])
    expect(seen).toContain('team-a-11')
    expect(seen.every((name) => name.startsWith('team-a-'))).toBe(true)
    const connections = await client.call('GET /connections?instance=secret')
    expect(page.parse(connections.body).items).toEqual([])
    expect((await client.call('GET /schemas')).status).toBe(403)
  })
})

describe('an API key', () => {
  test('that has expired lets nobody in', async () => {
    const expiresAt = new Date(Date.now() - 1).toISOString()
    const expired = await api.clientOf({ name: 'expired', kind: 'admin', expiresAt })
    expect((await expired.call('GET /catalog')).status).toBe(401)
    const made = await api.client.call('POST /api-keys', {
      name: 'brief',
      kind: 'viewer',
      expires_in: '90d',
    })
    const { expires_at: expiry, key } = z
      .object({ expires_at: z.string(), key: z.string() })
      .parse(made.body)
    expect(Date.parse(expiry) - Date.now()).toBeGreaterThan(89 * 86_400_000)
    const ask = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${key}` }
      return (await api.client.asked('GET /catalog', { headers })).status
    }
    expect(await ask()).toBe(200)
    await api.database.query(
      `UPDATE reactor_connect_service.api_keys SET expires_at = now() WHERE name = 'brief'`,
    )
    expect(await ask()).toBe(401)
  })

  test.each([
    [{ expires_in: '0d' }, 400],
    [{ expires_in: '11y' }, 400],
    [{ expires_in: '99999d' }, 400],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 400],
    [{ expires_at: '9999-12-31T23:59:59-23:59' }, 400],
    [{ expires_at: 'tomorrow' }, 400],
    [{ expires_in: '1d', expires_at: '2099-01-01T00:00:00Z' }, 400],
    [{ scopes: [] }, 400],
    [{ scopes: [{ action: 'Everything' }] }, 400],
    [{ kind: 'root' }, 400],
  ])('is not made of %j', async (input, expected) => {
    const body = { name: 'x', kind: 'viewer', ...input }
    expect((await api.client.call('POST /api-keys', body)).status).toBe(expected)
  })

  test('makes none that is stronger, or lasts longer', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const maker = await api.clientOf({
      name: 'maker',
      kind: 'admin',
      expiresAt,
      scopes: [
        { action: 'api-keys:create', names: null },
        { action: 'users:*', names: null },
        { action: 'instances:*', names: ['x-*'] },
      ],
    })
    const make = (input: object): Promise<Answer> =>
      maker.call('POST /api-keys', { name: 'made', kind: 'viewer', expires_in: '30m', ...input })
    const within = [{ action: 'instances:read', names: ['x-1'] }]
    expect((await make({ scopes: within })).status).toBe(201)
    for (const stronger of [
      {},
      { scopes: [{ action: 'instances:read' }] },
      { scopes: [{ action: '*', names: ['x-1'] }] },
      { scopes: within, expires_in: '2h' },
      { scopes: within, expires_in: undefined },
    ]) {
      const { status, body } = await make(stronger)
      expect(status, JSON.stringify(stronger)).toBe(403)
      expect(body).toMatchObject({ error: { code: 'api_key_too_strong' } })
    }
    const user = { email: 'boss@example.com', role: 'admin' }
    expect((await maker.call('POST /users', user)).body).toMatchObject({
      error: { code: 'api_key_too_strong' },
    })
  })
})

describe('a policy about what things are', () => {
  let strict: TestApi
  let operator: ApiClient
  beforeAll(async () => {
    strict = await TestApi.start({
      policy: `
        permit (principal in Kind::"admin", action, resource);
        permit (principal in Kind::"operator", action, resource);
        forbid (principal in Kind::"operator", action, resource is Instance)
          when { resource has type && resource.type == "postgres" };
        forbid (principal in Kind::"operator", action, resource is Connection)
          when { resource has instance && resource.instance == "hidden" };
        forbid (principal in Kind::"operator", action == Action::"instances:delete", resource);`,
    })
    operator = await strict.clientOf({ name: 'operator', kind: 'operator' })
    await newInstance('plain', strict)
    const { host, port, user, password, database } = strict.database.address
    const config = { host, port, user, password, database, ssl: 'disable' }
    await strict.client.call('POST /instances', { name: 'hidden', type: 'postgres', config })
    const input = { from: 'hidden', destination: 'data:x', streams: null, schedule: null }
    const kept = { ...input, options: {}, nextRunAt: null, status: 'active' } as const
    await strict.store.connections.create({ ...kept, name: 'behind' })
    await strict.store.connections.create({ ...kept, name: 'before', from: 'plain' })
  })
  afterAll(async () => {
    await strict[Symbol.asyncDispose]()
  })

  test('makes them look as if they did not exist', async () => {
    const run = withId.parse((await strict.client.call('POST /connections/behind/runs')).body)
    const pairs = [
      ['GET /instances/hidden', 'GET /instances/nothing'],
      ['POST /instances/hidden/check', 'POST /instances/nothing/check'],
      ['PATCH /instances/hidden', 'PATCH /instances/nothing'],
      ['GET /connections/behind', 'GET /connections/nothing'],
      ['DELETE /connections/behind', 'DELETE /connections/nothing'],
      [`GET /runs/${run.id}`, `GET /runs/${noRun}`],
    ] as const
    for (const [real, absent] of pairs) {
      const body = real.startsWith('PATCH') ? { config: {} } : undefined
      const answers = [await operator.call(real, body), await operator.call(absent, body)]
      expect(answers[0]?.status, real).toBe(404)
      expect(comparable(answers[0])).toBe(comparable(answers[1]))
    }
    const lists = [await operator.call('GET /instances'), await operator.call('GET /connections')]
    expect(lists.map(({ body }) => page.parse(body).items.map(({ name }) => name))).toEqual([
      ['plain'],
      ['before'],
    ])
  })

  test('says no to what may be seen and not done', async () => {
    const { status, body } = await operator.call('DELETE /instances/plain')
    expect(status).toBe(403)
    expect(body).toMatchObject({ error: { details: { action: 'instances:delete' } } })
  })
})

async function newInstance(name: string, { client } = api): Promise<void> {
  const made = await client.call('POST /instances', { name, type: 'faker', config: fakerConfig })
  expect(made.status).toBe(201)
}

async function startedRun(name: string): Promise<string> {
  await newInstance(name)
  const binding = { name, from: name, destination: 'data:shop', activate: true }
  expect((await api.client.call('POST /connections', binding)).status).toBe(201)
  return withId.parse((await api.client.call(`POST /connections/${name}/runs`)).body).id
}

/** Without what differs because something else was asked for. */
function comparable(answer: Answer | undefined): string {
  return JSON.stringify([answer?.status, answer?.body])
    .replaceAll(/"request_id":"[^"]*"/g, '')
    .replaceAll(/\b(secret|hidden|behind|nothing)\b/g, 'NAME')
    .replaceAll(/run_\w{26}/g, 'RUN')
}
