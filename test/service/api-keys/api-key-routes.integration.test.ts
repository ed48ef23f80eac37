import { expect, test } from 'vitest'
import { z } from 'zod'
import { TestApi } from '../../support/test-api.ts'

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

test('a revoked key works no more, whatever else it begins with', async () => {
  await using api = await TestApi.start()
  const made = await api.call('POST /api-keys', { name: 'program', kind: 'admin' })
  const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(made.body)
  const ask = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` }
    return (await api.asked('GET /catalog', { headers })).status
  }
  expect(await ask(key)).toBe(200)
  expect(await ask(key.slice(0, -1))).toBe(401)
  expect(await ask(`${key}x`)).toBe(401)
  expect((await api.call(`DELETE /api-keys/${id}`)).status).toBe(204)
  expect(await ask(key)).toBe(401)
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
