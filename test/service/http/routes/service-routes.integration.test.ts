import { expect, test } from 'vitest'
import { z } from 'zod'
import { sampleDescriptor } from '../../../support/sample-descriptor.ts'
import { TestApi } from '../test-api.ts'

test('the catalog lists connectors, and shows the descriptor of one', async () => {
  await using api = await TestApi.start()
  const list = await api.call('GET /catalog')
  expect(list).toMatchObject({
    status: 200,
    body: {
      items: expect.arrayContaining([
        {
          type: 'faker',
          title: 'Faker',
          kind: 'native',
          streams: null,
          actions: 0,
          problem: null,
        },
        expect.objectContaining({ type: 'gitlab', kind: 'bundled', streams: 5 }),
        expect.objectContaining({ type: 'postgres', kind: 'native' }),
      ]) as unknown,
      next_cursor: null,
    },
  })
  expect(await api.call('GET /catalog/faker')).toMatchObject({
    status: 200,
    body: { type: 'faker', docs_url: '/docs/connectors/faker.md', actions: [] },
  })
  const none = await api.call('GET /catalog/none')
  expect(none).toMatchObject({ status: 404, body: { error: { code: 'unknown_connector' } } })
})

test('a descriptor is shown whole, with the words of the API', async () => {
  await using api = await TestApi.start()
  api.service.catalog.get = () => Promise.resolve(sampleDescriptor)
  const { status, body } = await api.call('GET /catalog/vendor')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    type: 'vendor',
    docs_url: '/docs/connectors/vendor.md',
    spec: { properties: { token: { airbyte_secret: true } } },
    auth: [
      { kind: 'basic', username_field: 'user', password_field: 'token' },
      { kind: 'oauth2', authorize_url: 'https://vendor.example/authorize', scopes: ['read'] },
    ],
    actions: [{ name: 'ping', dry_run: 'synthesized' }],
    webhooks: [{ name: 'events', signature: { timestamp_header: 'x-time' }, event_id: '/id' }],
  })
})

test('an API key is shown once, works, and works no more once it is revoked', async () => {
  await using api = await TestApi.start()
  const made = await api.call('POST /api-keys', { name: 'Grafana', kind: 'admin' })
  const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(made.body)
  expect(made.status).toBe(201)
  const withNewKey = { headers: { authorization: `Bearer ${key}` } }
  expect((await api.asked('GET /catalog', withNewKey)).status).toBe(200)
  const listed = await api.call('GET /api-keys')
  expect(listed.body).toMatchObject({ items: [{ id, name: 'Grafana' }, { name: 'test' }] })
  expect(JSON.stringify([listed.body, api.logLines])).not.toContain(key)
  expect(await api.call(`DELETE /api-keys/${id}`)).toMatchObject({ status: 204, body: null })
  expect((await api.asked('GET /catalog', withNewKey)).status).toBe(401)
  const none = await api.call('DELETE /api-keys/none')
  expect(none).toMatchObject({ status: 404, body: { error: { code: 'api_key_not_found' } } })
})

test('a key is never kept for a repetition: its creation takes no Idempotency-Key', async () => {
  await using api = await TestApi.start()
  const { status } = await api.call(
    'POST /api-keys',
    { name: 'a', kind: 'admin' },
    { 'idempotency-key': 'x' },
  )
  expect(status).toBe(400)
})

test('health and readiness need no key', async () => {
  await using api = await TestApi.start()
  expect(await api.asked('GET //healthz')).toMatchObject({ status: 200, body: { status: 'live' } })
  const ready = await api.asked('GET //readyz')
  expect(ready).toMatchObject({
    status: 200,
    body: { status: 'ready', problems: [], warnings: [] },
  })
  const report = { problems: [], warnings: ['the Jobs service cannot be used'], parts: [] }
  api.service.health.report = () => Promise.resolve(report)
  expect(await api.asked('GET //readyz')).toMatchObject({
    status: 200,
    body: { status: 'ready', problems: [], warnings: ['the Jobs service cannot be used'] },
  })
  const problems = ['the metadata database does not answer']
  api.service.health.report = () => Promise.resolve({ ...report, problems })
  expect(await api.asked('GET //readyz')).toMatchObject({
    status: 503,
    body: { status: 'not_ready', problems: ['the metadata database does not answer'] },
  })
})

test('metrics need a key, and time requests by route', async () => {
  await using api = await TestApi.start()
  await api.call('GET /instances/somebody')
  await api.asked('GET //nowhere/at/all')
  expect((await api.asked('GET //metrics')).status).toBe(401)
  const { status, headers, body } = await api.call('GET //metrics')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/plain')
  const text = z.string().parse(body)
  expect(text).toContain(
    'reactor_connect_http_request_duration_seconds_count{method="GET",route="/connect/v1/instances/:name",status="404"} 1',
  )
  expect(text).not.toMatch(/somebody|nowhere/)
})

test('what is not built yet says so, after the key', async () => {
  await using api = await TestApi.start()
  for (const route of [
    'GET /policies/conflict',
    'POST /policies/conflict',
    'GET /receivers',
    'POST /receivers',
    'POST /ingress/token',
  ]) {
    const { status, body } = await api.call(route)
    expect(status, route).toBe(501)
    expect(body).toMatchObject({
      error: { code: 'not_available', suggested_fix: expect.any(String) as unknown },
    })
  }
})
