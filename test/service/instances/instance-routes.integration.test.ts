import { expect, test } from 'vitest'
import { createCrm } from '../../support/create-crm.ts'
import { fakerConfig, TestApi } from '../../support/test-api.ts'

const database = { host: 'db.example', port: 5432, user: 'u', database: 'd' }
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown

test('an instance is created without its secrets in the answer', async () => {
  await using api = await TestApi.start()
  const { status, headers, body } = await api.call('POST /instances', {
    name: 'my-database',
    type: 'postgres',
    config: { ...database, password: 'the-secret' },
  })
  expect(status).toBe(201)
  expect(headers.get('location')).toBe('/connect/v1/instances/my-database')
  // The second is the one with its secrets.
  expect(headers.get('etag')).toBe('"2"')
  expect(body).toEqual({
    id: expect.any(String) as unknown,
    name: 'my-database',
    type: 'postgres',
    config: database,
    secrets: ['/password'],
    credentials: 'ready',
    version: 2,
    created_at: isoTime,
    updated_at: isoTime,
  })
})

test('a created instance is found at its location, and in the list of its type', async () => {
  await using api = await TestApi.start()
  const made = await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  const found = await api.call(`GET /${made.headers.get('location') ?? ''}`)
  expect(found.status).toBe(200)
  expect(found.body).toEqual(made.body)
  const listed = await api.call('GET /instances?type=faker')
  const summary = Object.entries(made.body as object).filter(([name]) => name !== 'config')
  expect(listed.body).toEqual({ items: [Object.fromEntries(summary)], next_cursor: null })
  const others = await api.call('GET /instances?type=postgres')
  expect(others.body).toEqual({ items: [], next_cursor: null })
})

test('an instance that the client has already is not sent again', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  const get = (tag: string) => api.call('GET /instances/a', undefined, { 'if-none-match': tag })
  expect(await get('"1"')).toMatchObject({ status: 304, body: null })
  expect((await get('"0"')).status).toBe(200)
  await api.call('PATCH /instances/a', { config: { ...fakerConfig, seed: 2 } })
  expect(await get('"1"')).toMatchObject({ status: 200, body: { version: 2 } })
})

test('a second instance of the same name is refused', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  const { status, body } = await api.call('POST /instances', {
    name: 'a',
    type: 'faker',
    config: fakerConfig,
  })
  expect(status).toBe(409)
  expect(body).toMatchObject({
    error: { code: 'name_taken', docs_url: '/docs/errors/http.md#name_taken' },
  })
})

test('an instance of a connector that does not exist is refused', async () => {
  await using api = await TestApi.start()
  const { status, body } = await api.call('POST /instances', { name: 'a', type: 'nothing' })
  expect(status).toBe(404)
  expect(body).toMatchObject({ error: { code: 'unknown_connector' } })
})

test('an update replaces the configuration under its ETag, and the next one needs the new ETag', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', {
    name: 'a',
    type: 'faker',
    config: { ...fakerConfig, seed: 1 },
  })
  const change = { config: { ...fakerConfig, seed: 2 } }
  const updated = await api.call('PATCH /instances/a', change, { 'if-match': '"1"' })
  expect(updated.status).toBe(200)
  expect(updated.headers.get('etag')).toBe('"2"')
  expect(updated.body).toMatchObject({ config: { seed: 2 }, version: 2 })
  const late = await api.call('PATCH /instances/a', change, { 'if-match': '"1"' })
  expect(late.status).toBe(412)
  expect(late.body).toMatchObject({ error: { code: 'version_conflict' } })
  const again = { config: { ...fakerConfig, seed: 3 } }
  expect((await api.call('PATCH /instances/a', again, { 'if-match': '*' })).status).toBe(200)
  expect((await api.call('PATCH /instances/a', change)).headers.get('etag')).toBe('"4"')
})

test('an If-Match may name several ETags: one of them has to be right, and a weak one never is', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  let seed = 0
  const change = async (tags: string): Promise<unknown> => {
    const config = { config: { ...fakerConfig, seed: ++seed } }
    return (await api.call('PATCH /instances/a', config, { 'if-match': tags })).status
  }
  for (const tags of ['W/"1"', '"one"', '"2", "3"', 'W/"1", "2"', '"1,2"', '"0" ,, W/"1"'])
    expect(await change(tags), tags).toBe(412)
  expect(await change('"7", "1"')).toBe(200)
  expect(await change(', W/"2" ,"2-abcdefghijk",')).toBe(200)
  const weak = await api.call('DELETE /instances/a', undefined, { 'if-match': 'W/"3"' })
  expect(weak).toMatchObject({ status: 412, body: { error: { code: 'version_conflict' } } })
  const gone = await api.call('DELETE /instances/b', undefined, { 'if-match': '"1", "2"' })
  expect(gone.status).toBe(404)
  const deleted = await api.call('DELETE /instances/a', undefined, { 'if-match': '"3", "4"' })
  expect(deleted.status).toBe(204)
})

test('an If-Match that is no list of ETags is refused, not ignored', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  for (const tag of ['1', 'tag', '"1" "2"', '"1"x', '*, "1"', ',', '']) {
    const { status, body } = await api.call('DELETE /instances/a', undefined, { 'if-match': tag })
    expect(status, tag).toBe(400)
    expect(body).toMatchObject({ error: { code: 'request_invalid' } })
  }
  expect((await api.call('GET /instances/a')).status).toBe(200)
})

test('an instance is deleted, unless a connection reads it', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const used = await api.call('DELETE /instances/shop-source')
  expect(used.status).toBe(409)
  expect(used.body).toMatchObject({
    error: {
      code: 'instance_in_use',
      message: 'Instance shop-source is used by connection shop',
      details: { connections: ['shop'] },
    },
  })
  await api.call('DELETE /connections/shop')
  const gone = await api.call('DELETE /instances/shop-source')
  expect(gone).toMatchObject({ status: 204, body: null })
  const { status, body } = await api.call('GET /instances/shop-source')
  expect(status).toBe(404)
  expect(body).toMatchObject({ error: { code: 'instance_not_found' } })
})

test('credentials are set, and never shown', async () => {
  await using api = await TestApi.start()
  const { password: secret, ...config } = api.database.address
  await api.call('POST /instances', { name: 'a', type: 'postgres', config })
  expect((await api.call('POST /instances/a/check')).body).toMatchObject({ status: 'FAILED' })
  const set = await api.call('POST /instances/a/credentials', { password: secret })
  expect(set.status).toBe(200)
  expect(set.body).toMatchObject({ credentials: 'ready', secrets: ['/password'], version: 2 })
  expect((await api.call('POST /instances/a/check')).body).toEqual({ status: 'SUCCEEDED' })
  expect(JSON.stringify([set.body, api.logLines])).not.toContain(secret)
})

test('a discovery is kept until it is asked for anew', async () => {
  await using api = await TestApi.start()
  await api.call('POST /instances', { name: 'a', type: 'faker', config: fakerConfig })
  const kept = await api.call('POST /instances/a/discover')
  expect(kept.status).toBe(200)
  expect(kept.body).toMatchObject({ from_cache: false, discovered_at: isoTime })
  expect(kept.body).toMatchObject({ catalog: { streams: [{ name: 'users' }, { name: 'orders' }] } })
  for (const body of [{}, { refresh: false }]) {
    expect((await api.call('POST /instances/a/discover', body)).body).toMatchObject({
      from_cache: true,
    })
  }
  const anew = await api.call('POST /instances/a/discover', { refresh: true })
  expect(anew.body).toMatchObject({ from_cache: false })
})

test('OAuth begins with an address for the browser, which may come back to a loopback address only', async () => {
  await using api = await TestApi.start()
  await createCrm(api, 'a')
  const { status, body } = await api.call('POST /instances/a/authorize')
  expect(status).toBe(200)
  expect(body).toEqual({
    authorize_url: expect.stringContaining('http://127.0.0.1:1/auth?') as unknown,
    state: expect.any(String) as unknown,
  })
  const loopback = { redirect_uri: 'http://127.0.0.1:4711/callback' }
  expect((await api.call('POST /instances/a/authorize', loopback)).status).toBe(200)
  for (const redirect of [
    'https://evil.example/callback',
    'http://127.0.0.1.evil.example/',
    'http://127.0.0.1@evil.example/',
    'http://127.0.0.1:80@evil.example/',
    'javascript:alert(1)',
    'http://localhost:1/\r\nx: y',
  ]) {
    const refused = await api.call('POST /instances/a/authorize', { redirect_uri: redirect })
    expect(refused.status, redirect).toBe(400)
  }
})

test('every operation on an instance that does not exist says so', async () => {
  await using api = await TestApi.start()
  for (const [route, body] of [
    ['GET /instances/none'],
    ['PATCH /instances/none', { config: {} }],
    ['DELETE /instances/none'],
    ['POST /instances/none/credentials', { token: 'x' }],
    ['POST /instances/none/authorize'],
    ['POST /instances/none/check'],
    ['POST /instances/none/discover'],
  ] as const) {
    const answer = await api.call(route, body)
    expect(answer.status, route).toBe(404)
    expect(answer.body).toMatchObject({
      error: { code: 'instance_not_found', details: { instance: 'none' } },
    })
  }
})

test('a secret is in no answer, no log line and no table', async () => {
  await using api = await TestApi.start()
  const password = 'planted-secret-4711'
  const config = { host: '127.0.0.1', port: 1, user: 'u', password, database: 'd' }
  const input = { name: 'planted', type: 'postgres', config }
  const key = { 'idempotency-key': 'planted' }
  const answers = [
    await api.call('POST /instances', input, key),
    await api.call('POST /instances', input, key),
    await api.call('GET /instances/planted'),
    await api.call('POST /instances/planted/check'),
    await api.call('POST /instances/planted/discover'),
    await api.call('POST /instances/planted/credentials', { password: `${password}-2` }),
    await api.call('PATCH /instances/planted', { config: { ...config, port: 'none' } }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 200, 200, 503, 200, 422])
  expect(answers[3]?.body).toMatchObject({ status: 'FAILED' })
  expect(answers[4]?.body).toMatchObject({ error: { code: 'source_unreachable' } })
  const tables = await api.database.query(
    `SELECT query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), true, true, '')::text AS rows
     FROM information_schema.tables WHERE table_type = 'BASE TABLE'
       AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  expect(JSON.stringify(tables)).toContain('planted')
  const shown = JSON.stringify([answers.map(({ body }) => body), api.logLines, tables])
  expect(shown).not.toContain('planted-secret')
})

test('one of several updates of the same version at the same time wins', async () => {
  await using api = await TestApi.start()
  const { headers } = await api.call('POST /instances', {
    name: 'contended',
    type: 'postgres',
    config: database,
  })
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      api.call(
        'PATCH /instances/contended',
        { config: { ...database, user: `user-${index}` } },
        { 'if-match': headers.get('etag') ?? '' },
      ),
    ),
  )
  const statuses = answers.map(({ status }) => status).toSorted()
  expect(statuses).toEqual([200, 412, 412, 412, 412, 412, 412, 412])
})
