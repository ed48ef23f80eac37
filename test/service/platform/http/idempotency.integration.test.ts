import { expect, test } from 'vitest'
import { z } from 'zod'
import { endRun } from '../../../support/run-by-hand.ts'
import { fakerConfig, TestApi } from '../../../support/test-api.ts'

const key = { 'idempotency-key': '0f8b5f6e-9f0c-4c1e-a3c9-5d0e5a3a7b11' }
const config = { host: '127.0.0.1', port: 1, user: 'u', database: 'd', password: 'the-secret' }
const instance = { name: 'a', type: 'postgres', config }

test.each([
  ['POST /instances', { name: 'b', type: 'faker', config: fakerConfig }],
  ['POST /connections', { name: 'b', from: 'shop-source', destination: 'data:b' }],
  ['POST /connections/shop/runs', undefined],
])('%s under the same key is done once and answered alike', async (route, body) => {
  await using api = await TestApi.start()
  await api.withConnection()
  const first = await api.call(route, body, key)
  const second = await api.call(route, body, key)
  expect(first.status).toBe(201)
  expect(first.headers.get('idempotent-replayed')).toBeNull()
  expect(second).toMatchObject({ status: 201, body: first.body as object })
  expect(second.headers.get('idempotent-replayed')).toBe('true')
  for (const header of ['location', 'etag']) {
    expect(second.headers.get(header)).toBe(first.headers.get(header))
  }
})

test('a retry of a run under the same key makes one run', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
  await endRun(api.store.runs, id, { status: 'failed' })
  const [first, second] = [
    await api.call(`POST /runs/${id}/retry`, undefined, key),
    await api.call(`POST /runs/${id}/retry`, undefined, key),
  ]
  expect(first.status).toBe(201)
  expect(second.body).toEqual(first.body)
})

test('one of many equal requests at once is done; the others get its answer or are told to wait', async () => {
  await using api = await TestApi.start()
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => api.call('POST /instances', instance, key)),
  )
  const done = answers.filter(({ status }) => status === 201)
  expect(done.length).toBeGreaterThan(0)
  for (const { body } of done) expect(body).toEqual(done[0]?.body)
  for (const { status, body } of answers.filter((answer) => !done.includes(answer))) {
    expect(status).toBe(409)
    expect(body).toMatchObject({ error: { code: 'idempotency_key_in_use' } })
  }
  expect((await api.service.instances.list({})).items).toHaveLength(1)
})

test('one of many starts under the same key makes a run, which later ones get as their answer', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const route = 'POST /connections/shop/runs'
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => api.call(route, undefined, key)),
  )
  const ids = new Set(answers.filter(({ status }) => status === 201).map(({ body }) => idOf(body)))
  expect(ids.size).toBe(1)
  for (const { status, body } of answers) {
    if (status !== 201) expect(body).toMatchObject({ error: { code: 'idempotency_key_in_use' } })
  }
  const again = await api.call(route, undefined, key)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(ids).toContain(idOf(again.body))
  const other = await api.call('POST /instances', { name: 'x', type: 'faker' }, key)
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_reused' } } })
})

test('another request under the same key is refused', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  await api.call('POST /instances', instance, key)
  const others = [
    ['POST /instances', { ...instance, config: { ...config, password: 'another' } }],
    ['POST /connections', { name: 'a', from: 'a', destination: 'data:a' }],
    ['POST /connections/shop/runs', undefined],
  ] as const
  for (const [route, body] of others) {
    const answer = await api.call(route, body, key)
    expect(answer.status, route).toBe(409)
    expect(answer.body).toMatchObject({ error: { code: 'idempotency_key_reused' } })
  }
})

test('the order and the spaces of the JSON do not make another request', async () => {
  await using api = await TestApi.start()
  const headers = { authorization: `Bearer ${api.key}`, 'content-type': 'application/json', ...key }
  const { name, type } = instance
  const bodies = [
    JSON.stringify({ name, type, config }),
    JSON.stringify({ config, type, name }, null, 2),
  ]
  for (const body of bodies) {
    expect((await api.asked('POST /instances', { headers, body })).status).toBe(201)
  }
})

test('keys of different API keys never meet', async () => {
  await using api = await TestApi.start()
  const other = await api.service.apiKeys.create({ name: 'other', kind: 'admin' })
  expect((await api.call('POST /instances', instance, key)).status).toBe(201)
  const authorization = `Bearer ${other.key}`
  const { status, body } = await api.call('POST /instances', instance, { ...key, authorization })
  expect(status).toBe(409)
  expect(body).toMatchObject({ error: { code: 'name_taken' } })
})

test('a create that failed leaves its key free', async () => {
  await using api = await TestApi.start()
  const broken = { name: 'a', from: 'later', destination: 'data:a' }
  expect((await api.call('POST /connections', broken, key)).status).toBe(404)
  await api.call('POST /instances', { name: 'later', type: 'faker', config: fakerConfig })
  expect((await api.call('POST /connections', broken, key)).status).toBe(201)
})

test('what is kept of a request cannot be guessed from its secrets, and the answer holds none', async () => {
  await using api = await TestApi.start()
  const other = await TestApi.start()
  await api.call('POST /instances', instance, key)
  await other.call('POST /instances', instance, key)
  const [hash, otherHash] = [await keptHash(api), await keptHash(other)]
  await other[Symbol.asyncDispose]()
  expect(hash).toMatch(/^2:[0-9a-f]{64}$/)
  expect(hash).not.toBe(otherHash)
  const again = await api.call('POST /instances', instance, key)
  expect(JSON.stringify(again.body)).not.toContain('the-secret')
})

test('a key that is no key is refused', async () => {
  await using api = await TestApi.start()
  for (const broken of ['', 'a b', 'x'.repeat(256), 'ä']) {
    const { status } = await api.call('POST /instances', instance, { 'idempotency-key': broken })
    expect(status, broken).toBe(400)
  }
  expect((await api.service.instances.list({})).items).toHaveLength(0)
})

function idOf(body: unknown): string {
  return z.object({ id: z.string() }).parse(body).id
}

async function keptHash({ database }: TestApi): Promise<unknown> {
  const [row] = await database.query(
    'SELECT request_hash FROM reactor_connect_service.idempotency_keys',
  )
  return row?.request_hash
}
