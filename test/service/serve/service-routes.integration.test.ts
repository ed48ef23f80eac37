import { expect, test } from 'vitest'
import { z } from 'zod'
import { TestApi } from '../../support/test-api.ts'

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
  ]) {
    const { status, body } = await api.call(route)
    expect(status, route).toBe(501)
    expect(body).toMatchObject({
      error: { code: 'not_available', suggested_fix: expect.any(String) as unknown },
    })
  }
})
