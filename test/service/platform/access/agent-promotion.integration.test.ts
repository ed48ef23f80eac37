import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { ApiClient } from '../../../support/api-client.ts'
import { TestApi } from '../../../support/test-api.ts'

let api: TestApi
let agent: ApiClient
beforeAll(async () => {
  api = await TestApi.start()
  agent = await api.clientOf({ name: 'assistant', kind: 'agent' })
  const config = { streams: [{ name: 'items', rows: 3 }] }
  await api.client.call('POST /instances', { name: 'shop', type: 'faker', config })
  const binding = { name: 'shop', from: 'shop', destination: 'data:agents' }
  expect((await api.client.call('POST /connections', binding)).status).toBe(201)
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const finished = z.object({ promote_token: z.string() })

test('an agent changes a connection by what its own sandbox showed, and in no other way', async () => {
  for (const route of [
    'POST /connections/shop/activate',
    'POST /connections/shop/runs',
    'POST /connections/shop/reset',
    'POST /connections/shop/approve',
    'PATCH /connections/shop',
    'DELETE /connections/shop',
    'POST /instances/shop/credentials',
  ]) {
    const { status, body } = await agent.call(route, route.startsWith('DELETE') ? undefined : {})
    expect(status, route).toBe(403)
    expect(body).toMatchObject({ error: { code: 'permission_denied' } })
  }
  const tried = await agent.call('POST /connections/shop/sandbox', { limit_rows: 3 })
  expect(tried.status, JSON.stringify(tried.body)).toBe(201)
  const { promote_token: token } = finished.parse(tried.body)

  const viewer = await api.clientOf({ name: 'watcher', kind: 'viewer' })
  const denied = await viewer.call('POST /connections/shop/promote', { token })
  expect(denied).toMatchObject({
    status: 403,
    body: { error: { code: 'permission_denied', details: { action: 'connections:promote' } } },
  })
  const other = await api.clientOf({ name: 'another assistant', kind: 'agent' })
  const stolen = await other.call('POST /connections/shop/promote', { token })
  expect(stolen).toMatchObject({
    status: 403,
    body: { error: { code: 'promote_token_invalid' } },
  })
  expect((await api.client.call('GET /connections/shop')).body).toMatchObject({
    status: 'inactive',
  })

  const { id } = z.object({ id: z.string() }).parse(tried.body)
  const removed = await other.call(`DELETE /connections/shop/sandboxes/${id}`)
  expect(removed).toMatchObject({ status: 403, body: { error: { code: 'sandbox_of_another' } } })
  const refusals = await api.client.call('GET /audit?action=connections:sandbox-delete')
  expect(refusals.body).toMatchObject({
    items: [{ principal: { name: 'another assistant' }, outcome: 'denied' }],
  })
  const promoted = await agent.call('POST /connections/shop/promote', { token })
  expect(promoted.status, JSON.stringify(promoted.body)).toBe(200)
  expect((await api.client.call('GET /connections/shop')).body).toMatchObject({ status: 'active' })
  const log = await api.client.call('GET /audit?action=connections:promote')
  expect(log.body).toMatchObject({
    items: [
      { principal: { name: 'assistant', kind: 'agent' }, outcome: 'done', name: 'shop' },
      {
        principal: { name: 'another assistant' },
        outcome: 'failed',
        error: 'promote_token_invalid',
      },
      { principal: { name: 'watcher' }, outcome: 'denied', error: 'permission_denied' },
    ],
  })
  const rows = await api.database.query(
    'SELECT to_json(a)::text AS row FROM reactor_connect_service.audit_log a',
  )
  expect(JSON.stringify(rows)).not.toContain(token)
})

test('under a policy that forbids it, no promotion is made, whoever holds the token', async () => {
  await using strict = await TestApi.start({
    policy: `permit (principal, action, resource);
      forbid (principal in Kind::"agent", action == Action::"connections:promote", resource);`,
  })
  const config = { streams: [{ name: 'items', rows: 3 }] }
  await strict.client.call('POST /instances', { name: 'shop', type: 'faker', config })
  const binding = { name: 'shop', from: 'shop', destination: 'data:strict' }
  await strict.client.call('POST /connections', binding)
  const denied = await strict.clientOf({ name: 'assistant', kind: 'agent' })
  const tried = await denied.call('POST /connections/shop/sandbox', { limit_rows: 3 })
  const { promote_token: token } = finished.parse(tried.body)
  const { status, body } = await denied.call('POST /connections/shop/promote', { token })
  expect(status).toBe(403)
  expect(body).toMatchObject({ error: { code: 'permission_denied' } })
  expect((await strict.client.call('GET /connections/shop')).body).toMatchObject({
    status: 'inactive',
  })
})
