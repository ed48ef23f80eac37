import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import {
  DataService,
  type DataServiceOptions,
} from '../../../../service/platform/datasets/data-service.ts'
import { startDataService, type FakeDataService } from '../../../fakes/data-service.ts'

const password = 'pass-word-SECRET'
const url = `postgresql://loader:${password}@db.example.com/shop?sslmode=verify-full`
const address = {
  host: 'db.example.com',
  port: 5432,
  database: 'shop',
  user: 'loader',
  password,
  ssl: 'verify-full',
}

let fake: FakeDataService
beforeEach(async () => {
  fake = await startDataService({ create: () => ({ url }) })
})
afterEach(() => fake[Symbol.asyncDispose]())

function client(options: Partial<DataServiceOptions> = {}): DataService {
  const { url: address, apiKey } = fake
  return new DataService({ url: address, apiKey, now: Date.now, waitsMs: [1, 1], ...options })
}

/** The error, which holds no secret, in no part of it. */
async function errorOf(work: Promise<unknown>): Promise<ConnectError> {
  const error = await work.then(
    () => new Error('it was resolved'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ConnectError)) throw error
  const shown = [JSON.stringify(error), String(error.stack), String(error.cause)].join('\n')
  expect(shown).not.toMatch(/SECRET/)
  return error
}

test('a dataset that exists is asked for with the key, by its name', async () => {
  fake.datasets.set('shop', { url, schema: 'Shop', expires_at: '2999-01-01T00:00:00Z' })
  expect(await client().find('shop', 'create')).toEqual({ address, schema: 'Shop' })
  expect(fake.requests).toEqual(['GET /v1/datasets/shop/connection'])
})

test('without a key, requests have none, and a service that wants one says so', async () => {
  const { details } = await errorOf(client({ apiKey: undefined }).find('shop', 'create'))
  expect(details).toMatchObject({ reason: 'it responded with status 401: it wants a key' })
})

test('a dataset that does not exist is created, or not there', async () => {
  expect(await client().find('shop', 'fail')).toBeUndefined()
  expect(fake.datasets.size).toBe(0)
  expect(await client().find('shop', 'create')).toEqual({ address, schema: undefined })
  expect(fake.requests.slice(1)).toEqual([
    'GET /v1/datasets/shop/connection',
    'PUT /v1/datasets/shop',
    'GET /v1/datasets/shop/connection',
  ])
})

test('each time it is asked again: a login may be short-lived', async () => {
  const data = client()
  await data.find('shop', 'create')
  fake.datasets.set('shop', { url: url.replace('loader', 'other'), expires_at: null })
  expect(await data.find('shop', 'create')).toMatchObject({ address: { user: 'other' } })
})

test('an address without TLS to another machine is encrypted all the same', async () => {
  fake.datasets.set('shop', { url: 'postgres://u@db.example.com/d' })
  expect(await client().find('shop', 'fail')).toMatchObject({ address: { ssl: 'require' } })
})

test.each([429, 500, 502, 503, 408])('status %d is tried again', async (status) => {
  fake.answerNext({ status }, { status })
  expect(await client().find('shop', 'create')).toMatchObject({ address })
  fake.refuse(status)
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({ code: 'data_unreachable', retryable: true })
  expect(error.message).toContain(`it responded with status ${status}`)
})

test('a wait that it asks for is kept, and one that is too long is left to the run', async () => {
  fake.answerNext({ status: 429, headers: { 'retry-after': '1' } })
  const startedAtMs = performance.now()
  await client().find('shop', 'create')
  expect(performance.now() - startedAtMs).toBeGreaterThan(900)
  const before = fake.requests.length
  fake.answerNext({ status: 429, headers: { 'retry-after': '3600' } })
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({
    code: 'data_unreachable',
    details: { retry_after_seconds: 3_600 },
  })
  expect(fake.requests.length).toBe(before + 1)
})

test.each([
  [401, 'it refuses the key'],
  [403, 'it refuses the key'],
  [400, 'status 400'],
  [307, 'status 307'],
])('status %d is refused at once', async (status, words) => {
  fake.answerNext({ status, headers: { location: 'http://127.0.0.1:1/' }, body: password })
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({ code: 'data_refused', retryable: false })
  expect(error.message).toContain(words)
  expect(fake.requests).toHaveLength(1)
})

test('another key than its own is refused', async () => {
  const error = await errorOf(client({ apiKey: 'other-SECRET' }).find('shop', 'create'))
  expect(error.message).toContain('it responded with status 401: it refuses the key')
})

test.each([
  ['an address that is none', { url: password }, 'url'],
  ['an address without a database', { url: `postgres://u:${password}@h` }, 'url'],
  ['an address that sends the password elsewhere', { url: `${url}&options=${password}` }, 'url'],
  ['no address', { uri: url }, 'url'],
  ['a schema that is a number', { url, schema: 1 }, 'schema'],
  ['a time that is none', { url, expires_at: password }, 'expires_at'],
])('%s is refused, and not quoted', async (_, document, field) => {
  fake.datasets.set('shop', document)
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({ code: 'data_refused' })
  expect(error.message).toContain(`a field ${field} that`)
})

test.each([
  ['a page', `<html>${password}</html>`, 'data_unreachable', 'is not JSON'],
  ['nothing', '', 'data_unreachable', 'is not JSON'],
  ['a list', '[]', 'data_refused', 'is not an object'],
  ['null', 'null', 'data_refused', 'is not an object'],
  ['too much', JSON.stringify({ url, more: 'x'.repeat(70_000) }), 'data_unreachable', 'too large'],
])('a body that is %s is no address', async (_, body, code, words) => {
  fake.datasets.set('shop', { url })
  const answers = [1, 2, 3].map(() => ({ status: 200, body }))
  fake.answerNext(...answers)
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({ code })
  expect(error.message).toContain(words)
})

test('a login that has expired is not used', async () => {
  fake.datasets.set('shop', { url, expires_at: '2026-01-01T00:00:00+02:00' })
  const error = await errorOf(client().find('shop', 'create'))
  expect(error).toMatchObject({ code: 'data_unreachable' })
  expect(error.message).toContain('has already expired')
})

test('a dataset that cannot be created, or is gone right after, is refused', async () => {
  const [gone, made] = [{ status: 404 }, { status: 201 }]
  fake.answerNext(gone, gone)
  expect((await errorOf(client().find('shop', 'create'))).message).toContain(
    'did not create the dataset shop: it responded with status 404',
  )
  fake.answerNext(gone, made, gone)
  expect(await errorOf(client().find('shop', 'create'))).toMatchObject({ code: 'data_refused' })
})

test('a service that is silent or gone is unreachable', async () => {
  fake.setSilent(true)
  const silent = await errorOf(client({ timeoutMs: 50 }).find('shop', 'create'))
  expect(silent.message).toContain('it did not respond in time')
  fake.setSilent(false)
  await fake[Symbol.asyncDispose]()
  const gone = await errorOf(client().find('shop', 'create'))
  expect(gone).toMatchObject({
    code: 'data_unreachable',
    message: expect.stringContaining('ECONNREFUSED') as string,
  })
  fake = await startDataService({ create: () => ({ url }) })
})

test('a check needs the key, creates nothing, and asks once', async () => {
  await client().check()
  expect(fake.datasets.size).toBe(0)
  expect(await errorOf(client({ apiKey: 'x' }).check())).toMatchObject({ code: 'data_refused' })
  fake.refuse(503)
  expect(await errorOf(client().check())).toMatchObject({ code: 'data_unreachable' })
  expect(fake.requests).toHaveLength(3)
})

test('a path in the URL of the service stays', async () => {
  const data = client({ url: `${fake.url}/internal/` })
  await errorOf(data.find('shop', 'create'))
  expect(fake.requests[0]).toBe('GET /internal/v1/datasets/shop/connection')
})
