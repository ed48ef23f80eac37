import { expect, test } from 'vitest'
import { z } from 'zod'
import { createShop } from '../../support/create-shop.ts'
import { TestApi } from '../../support/test-api.ts'
import { longTest } from '../../support/long.ts'

const finished = z.object({
  id: z.string(),
  promote_token: z.string(),
  report: z.object({
    streams: z.array(z.object({ sample_rows: z.array(z.unknown()), row_examples: z.unknown() })),
  }),
})

async function withInactive(): Promise<TestApi> {
  const api = await TestApi.start()
  await createShop(api)
  return api
}

test('a sandbox answers its report and a token, and is found again without the token', async () => {
  await using api = await withInactive()
  const made = await api.call('POST /connections/shop/sandbox')
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({
    connection: 'shop',
    status: 'ready',
    limit_rows: 100,
    principal: api.keyId,
    promoted_run: null,
    token_withheld: null,
    report: { streams: [{ name: 'orders', diff_vs_current: { rows: { delete: 1 } } }, {}] },
  })
  const { id, promote_token: token } = finished.parse(made.body)
  expect(made.headers.get('location')).toBe(`/connect/v1/connections/shop/sandboxes/${id}`)
  const found = await api.call(`GET /connections/shop/sandboxes/${id}`)
  expect(found).toMatchObject({ status: 200, body: { id, error: null } })
  expect(JSON.stringify(found.body)).not.toContain(token)
  const listed = await api.call('GET /connections/shop/sandboxes')
  expect(listed.body).toMatchObject({ items: [{ id }], next_cursor: null })
  expect(JSON.stringify(api.logLines)).not.toContain(token)
  expect((await api.call(`DELETE /connections/shop/sandboxes/${id}`)).status).toBe(204)
  expect(await api.call(`GET /connections/shop/sandboxes/${id}`)).toMatchObject({
    status: 404,
    body: { error: { code: 'sandbox_not_found' } },
  })
})

longTest('how many rows are read has bounds, and some streams alone give no token', async () => {
  await using api = await withInactive()
  for (const limit of [0, -1, 10_001, 1.5, '5'])
    expect((await api.call('POST /connections/shop/sandbox', { limit_rows: limit })).status).toBe(
      400,
    )
  const some = await api.call('POST /connections/shop/sandbox', {
    limit_rows: 10_000,
    streams: ['orders'],
  })
  expect(some.body).toMatchObject({
    limit_rows: 10_000,
    promote_token: null,
    token_withheld: 'some_streams',
  })
})

test('a promotion activates the connection and queues its run, once', async () => {
  await using api = await withInactive()
  const { body } = await api.call('POST /connections/shop/sandbox', {})
  const { promote_token: token } = finished.parse(body)
  const promoted = await api.call('POST /connections/shop/promote', { token })
  expect(promoted).toMatchObject({
    status: 200,
    body: {
      connection: { name: 'shop', status: 'active' },
      run: { status: 'queued', trigger: 'promote' },
    },
  })
  const again = await api.call('POST /connections/shop/promote', { token })
  expect(again).toMatchObject({
    status: 409,
    body: {
      error: { code: 'promote_token_used', details: { run: expect.any(String) as unknown } },
    },
  })
})

longTest(
  'a promotion that is outdated answers what moved, and a new sandbox with its token',
  async () => {
    await using api = await withInactive()
    const { body } = await api.call('POST /connections/shop/sandbox', { limit_rows: 7 })
    const { promote_token: token } = finished.parse(body)
    await api.call('PATCH /connections/shop', { destination: 'data:other' })
    const outdated = await api.call('POST /connections/shop/promote', { token })
    expect(outdated.status).toBe(409)
    expect(outdated.body).toMatchObject({
      error: {
        code: 'promote_outdated',
        message: expect.stringContaining('the connection, the destination changed') as unknown,
        details: { moved: ['connection', 'destination'], sandbox: { limit_rows: 7 } },
        request_id: expect.any(String) as unknown,
      },
    })
    const { error } = z
      .object({ error: z.object({ details: z.object({ sandbox: finished }) }) })
      .parse(outdated.body)
    const next = error.details.sandbox.promote_token
    expect(next).not.toBe(token)
    const promoted = await api.call('POST /connections/shop/promote', { token: next })
    expect(promoted.status).toBe(200)
  },
)

test('a token of somebody else, of another connection, or of nobody is refused alike', async () => {
  await using api = await withInactive()
  const { body } = await api.call('POST /connections/shop/sandbox', {})
  const { promote_token: token } = finished.parse(body)
  await api.call('POST /connections', { name: 'b', from: 'source', destination: 'data:b' })
  const { key } = await api.service.apiKeys.create({ name: 'other', kind: 'admin' })
  const answers = [
    await api.call('POST /connections/b/promote', { token }),
    await api.call('POST /connections/shop/promote', { token }, { authorization: `Bearer ${key}` }),
    await api.call('POST /connections/shop/promote', { token: 'anything' }),
  ]
  const facts = answers.map(({ status, body: answer }) => {
    const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(answer)
    return [status, error.code]
  })
  expect(facts).toEqual(Array.from({ length: 3 }, () => [403, 'promote_token_invalid']))
  const long = await api.call('POST /connections/shop/promote', { token: 'x'.repeat(500) })
  expect(long.status).toBe(400)
})

test('sandboxes of a connection that does not exist are refused', async () => {
  await using api = await withInactive()
  for (const [route, body] of [
    ['POST /connections/none/sandbox'],
    ['GET /connections/none/sandboxes'],
    ['POST /connections/none/promote', { token: 'x' }],
  ] as const) {
    const answer = await api.call(route, body)
    expect(answer.status, route).toBe(404)
    expect(answer.body).toMatchObject({ error: { code: 'connection_not_found' } })
  }
})

longTest('an agent deletes only what it ran, and the audit log names it', async () => {
  await using api = await withInactive()
  const { key } = await api.service.apiKeys.create({ name: 'helper', kind: 'agent' })
  const asAgent = { authorization: `Bearer ${key}` }
  const run = async (headers: Record<string, string> = {}): Promise<string> => {
    const { body } = await api.call('POST /connections/shop/sandbox', {}, headers)
    return finished.parse(body).id
  }
  const [mine, its] = [await run(), await run(asAgent)]
  const route = (id: string): `DELETE ${string}` => `DELETE /connections/shop/sandboxes/${id}`
  const refused = await api.call(route(mine), undefined, asAgent)
  expect(refused).toMatchObject({ status: 403, body: { error: { code: 'sandbox_of_another' } } })
  expect((await api.call(`GET /connections/shop/sandboxes/${mine}`)).status).toBe(200)
  expect((await api.call(route(its), undefined, asAgent)).status).toBe(204)
  // A person may delete everybody's.
  expect((await api.call(route(await run(asAgent)))).status).toBe(204)
  const audit = await api.call('GET /audit')
  const entry = z.object({ action: z.string(), outcome: z.string() })
  const { items } = z.object({ items: z.array(entry) }).parse(audit.body)
  const deletes = items.filter(({ action }) => action === 'connections:sandbox-delete')
  expect(deletes.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'denied'])
})

test('the rows of a report are for those who may run a sandbox', async () => {
  await using api = await withInactive()
  const { body } = await api.call('POST /connections/shop/sandbox', {})
  const path = `GET /connections/shop/sandboxes/${finished.parse(body).id}/rows` as const
  const shown = await api.call(path)
  expect(shown).toMatchObject({
    status: 200,
    body: { streams: [{ name: 'orders', row_examples: { deleted: [{ id: '3' }] } }, {}] },
  })
  const { key } = await api.service.apiKeys.create({ name: 'screen', kind: 'viewer' })
  const refused = await api.call(path, undefined, { authorization: `Bearer ${key}` })
  expect(refused).toMatchObject({ status: 403, body: { error: { code: 'permission_denied' } } })
})

longTest('who may run a sandbox, but not see its rows, gets a report without them', async () => {
  await using api = await withInactive()
  const scopes = ['connections:read', 'connections:sandbox'].map((action) => {
    return { action, names: null }
  })
  const { key } = await api.service.apiKeys.create({ name: 'try', kind: 'operator', scopes })
  const asTry = { authorization: `Bearer ${key}` }
  const { status, body } = await api.call('POST /connections/shop/sandbox', {}, asTry)
  expect(status).toBe(201)
  expect(body).toMatchObject({
    report: { streams: [{ name: 'orders', diff_vs_current: { rows: { delete: 1 } } }, {}] },
  })
  const { report, promote_token: token } = finished.parse(body)
  expect(token).not.toBe('')
  const examples = { inserted: [], changed: [], deleted: [] }
  for (const stream of report.streams)
    expect(stream).toEqual({ sample_rows: [], row_examples: examples })
})
