import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { Follower } from './follower.ts'
import { TestApi } from './test-api.ts'

const named = z.object({ name: z.string() })
const page = z.object({ items: z.array(named), next_cursor: z.string().nullable() })
const runDocument = z.object({ id: z.string(), status: z.string() })

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

/** An instance that reads the test's own database. */
async function postgresInstance(name: string): Promise<string> {
  const { host, port, user, password, database } = api.database.address
  const config = { host, port, user, password, database, ssl: 'disable' }
  const made = await api.client.call('POST /instances', { name, type: 'postgres', config })
  expect(made.status).toBe(201)
  return name
}

async function fakerConnection(name: string): Promise<string> {
  const config = { streams: [{ name: 'items', rows: 10 }] }
  await api.client.call('POST /instances', { name: `${name}-from`, type: 'faker', config })
  const body = { name, from: `${name}-from`, destination: 'data:shop', activate: true }
  const made = await api.client.call('POST /connections', body)
  expect(made.status).toBe(201)
  return name
}

test('a secret is in no answer, no log line and no table', async () => {
  const password = 'planted-secret-4711'
  const config = { host: '127.0.0.1', port: 1, user: 'u', password, database: 'd' }
  const input = { name: 'planted', type: 'postgres', config }
  const key = { 'idempotency-key': 'planted' }
  const answers = [
    await api.client.call('POST /instances', input, key),
    await api.client.call('POST /instances', input, key),
    await api.client.call('GET /instances/planted'),
    await api.client.call('POST /instances/planted/check'),
    await api.client.call('POST /instances/planted/discover'),
    await api.client.call('POST /instances/planted/credentials', { password: `${password}-2` }),
    await api.client.call('PATCH /instances/planted', { config: { ...config, port: 'none' } }),
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

test('of updates at the same time on the same version one wins', async () => {
  const name = await postgresInstance('contended')
  const { headers, body } = await api.client.call(`GET /instances/${name}`)
  const { config } = z.object({ config: z.record(z.string(), z.unknown()) }).parse(body)
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      api.client.call(
        `PATCH /instances/${name}`,
        { config: { ...config, user: `user-${index}` } },
        { 'if-match': headers.get('etag') ?? '' },
      ),
    ),
  )
  const statuses = answers.map(({ status }) => status).toSorted()
  expect(statuses).toEqual([200, 412, 412, 412, 412, 412, 412, 412])
})

test('of creates at the same time under one key one is done, and answered for a day', async () => {
  const name = await fakerConnection('keyed')
  const route = `POST /connections/${name}/runs`
  const key = { 'idempotency-key': 'start-once' }
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => api.client.call(route, undefined, key)),
  )
  const ids = new Set(
    answers.filter(({ status }) => status === 201).map(({ body }) => runDocument.parse(body).id),
  )
  expect(ids.size).toBe(1)
  for (const { status, body } of answers) {
    if (status !== 201) expect(body).toMatchObject({ error: { code: 'idempotency_key_in_use' } })
  }
  const again = await api.client.call(route, undefined, key)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(ids).toContain(runDocument.parse(again.body).id)
  const other = await api.client.call('POST /instances', { name: 'x', type: 'faker' }, key)
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_reused' } } })
})

test('streams are those of the source, and what does not fit them is refused with its place', async () => {
  await api.database.query('CREATE TABLE public.orders (id int PRIMARY KEY, total numeric)')
  const from = await postgresInstance('orders-db')
  expect((await api.client.call(`POST /instances/${from}/check`)).body).toMatchObject({
    status: 'SUCCEEDED',
  })
  const discovered = await api.client.call(`POST /instances/${from}/discover`)
  expect(JSON.stringify(discovered.body)).toContain('"orders"')
  const base = { name: 'orders', from, destination: 'data:mart', activate: true }
  const cases = [
    [{ streams: [{ name: 'order' }] }, 'stream_not_found'],
    [{ streams: [{ name: 'orders', primary_key: ['nothing'] }] }, 'stream_column_not_found'],
    [{ destination: 'nowhere' }, 'destination_invalid'],
    [{ schedule: { cron: '* * *' } }, 'schedule_invalid'],
    [{ schedule: { cron: '0 0 * * *', timezone: 'Mars/Base' } }, 'schedule_invalid'],
  ] as const
  for (const [change, code] of cases) {
    const { status, body } = await api.client.call('POST /connections', { ...base, ...change })
    expect(body, code).toMatchObject({ error: { code } })
    expect(status).toBe(422)
  }
  const streams = [{ name: 'orders', namespace: 'public' }]
  const schedule = { cron: '0 3 * * *', timezone: 'Europe/Berlin' }
  const made = await api.client.call('POST /connections', { ...base, streams, schedule })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({ schedule, next_run_at: expect.any(String) as unknown })
  const used = await api.client.call(`DELETE /instances/${from}`)
  expect(used).toMatchObject({ status: 409, body: { error: { code: 'instance_in_use' } } })
})

test('pages keep their place while items come and go', async () => {
  const from = `${await fakerConnection('paged')}-from`
  const input = {
    from,
    destination: 'data:p',
    streams: null,
    schedule: null,
    options: {},
    status: 'active',
  } as const
  const names = Array.from({ length: 90 }, (_, index) => `paged-${String(index).padStart(3, '0')}`)
  for (const name of names) await api.store.connections.create({ ...input, name, nextRunAt: null })
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const at = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { body } = await api.client.call(`GET /connections?instance=${from}&limit=20${at}`)
    const { items, next_cursor: next } = page.parse(body)
    seen.push(...items.map(({ name }) => name))
    const last = seen.at(-1)
    // The one that the cursor stands at goes, and one comes before it.
    if (next !== null && last !== undefined) {
      await api.store.connections.delete(last)
      const name = `${names[0] ?? ''}-${String(seen.length)}`
      await api.store.connections.create({ ...input, name, nextRunAt: null })
    }
    cursor = next
  }
  expect(seen).toEqual(['paged', ...names])
})

test('a cursor of another list, or a changed one, is refused', async () => {
  await fakerConnection('cursor-a')
  await fakerConnection('cursor-b')
  const { body } = await api.client.call('GET /connections?limit=1')
  const cursor = encodeURIComponent(page.parse(body).next_cursor ?? '')
  for (const route of [
    `GET /connections?cursor=x${cursor}`,
    'GET /connections?cursor=bm90aGluZw',
    'GET /connections/cursor-a/runs?cursor=bm90aGluZw',
    'GET /api-keys?cursor=bm90aGluZw',
  ]) {
    const answer = await api.client.call(route)
    expect(answer.status, route).toBe(400)
    expect(answer.body).toMatchObject({ error: { code: 'cursor_invalid' } })
  }
})

test('a follower sees what another process writes, and goes on after a break', async () => {
  const name = await fakerConnection('followed')
  const { body } = await api.client.call(`POST /connections/${name}/runs`)
  const { id } = runDocument.parse(body)
  const follower = await Follower.start(api.client, id)
  const firstSeq = await follower.seqOf('run')
  await api.store.runs.claim(id, 'worker', 60_000)
  const line = { atMs: Date.now(), level: 'info', fields: { stream: 'items' } } as const
  await api.store.runs.appendLog(id, [{ ...line, message: 'reading' }])
  const seq = await follower.seqOf('log')
  expect(seq).toBeGreaterThan(firstSeq)
  follower.leave()
  await api.store.runs.appendLog(id, [{ ...line, message: 'loaded' }])
  await api.store.runs.end(id, 'worker', {
    status: 'complete',
    streams: [],
    warnings: [],
    error: null,
  })
  const second = await Follower.start(api.client, id, { headers: { 'last-event-id': String(seq) } })
  const events = await second.rest()
  expect(events.filter(({ event }) => event === 'log')).toEqual([
    expect.objectContaining({ data: expect.objectContaining({ message: 'loaded' }) as unknown }),
  ])
  expect(events.at(-2)).toMatchObject({ event: 'run', data: { status: 'complete' } })
  expect(events.at(-1)).toMatchObject({ event: 'end' })
  const retried = await api.client.call(`POST /runs/${id}/retry`)
  expect(retried).toMatchObject({ status: 409, body: { error: { code: 'run_not_retryable' } } })
})

test('a queued run is cancelled at once, and retried', async () => {
  const name = await fakerConnection('cancelled')
  const { id } = runDocument.parse((await api.client.call(`POST /connections/${name}/runs`)).body)
  const second = await api.client.call(`POST /connections/${name}/runs`)
  expect(second).toMatchObject({ status: 409, body: { error: { code: 'run_active' } } })
  const cancelled = await api.client.call(`POST /runs/${id}/cancel`)
  expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  const retried = await api.client.call(`POST /runs/${id}/retry`)
  expect(retried).toMatchObject({ status: 201, body: { retry_of: id, status: 'queued' } })
})

test('a revoked key works no more, whatever else it begins with', async () => {
  const made = await api.client.call('POST /api-keys', { name: 'program', kind: 'admin' })
  const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(made.body)
  const ask = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` }
    return (await api.client.asked('GET /catalog', { headers })).status
  }
  expect(await ask(key)).toBe(200)
  expect(await ask(key.slice(0, -1))).toBe(401)
  expect(await ask(`${key}x`)).toBe(401)
  expect((await api.client.call(`DELETE /api-keys/${id}`)).status).toBe(204)
  expect(await ask(key)).toBe(401)
})
