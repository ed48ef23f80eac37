import { expect, test } from 'vitest'
import type { SchemaDrift } from '../../../service/schema-changes/schema.ts'
import { settleDrift } from '../../support/drift-by-hand.ts'
import { endRun } from '../../support/run-by-hand.ts'
import { TestApi } from '../../support/test-api.ts'

const whole = {
  name: 'shop',
  from: 'source',
  streams: [
    {
      name: 'users',
      namespace: 'public',
      sync_mode: 'incremental',
      destination_sync_mode: 'append_dedup',
      cursor_field: 'updated_at',
      primary_key: ['id'],
    },
  ],
  destination: 'data:shop',
  schedule: { cron: '*/15 * * * *', timezone: 'Europe/Berlin', catch_up: 'once' },
  options: {
    metadata: 'minimal',
    deletes: 'soft',
    log: 'embedded',
    framing: 'block',
    schema_drift: 'ignore',
  },
  description: 'Users of the shop.\nFor the dashboard.',
} as const

async function withSource(): Promise<TestApi> {
  const api = await TestApi.start()
  await api.database.query(`
    CREATE TABLE public.users (id int PRIMARY KEY, updated_at timestamptz);
    CREATE TABLE public.orders (id int PRIMARY KEY)`)
  const config = { ...api.database.address, schemas: ['public'] }
  await api.call('POST /instances', { name: 'source', type: 'postgres', config })
  return api
}

test('a connection comes back as it was created', async () => {
  await using api = await withSource()
  const made = await api.call('POST /connections', whole)
  expect(made.status).toBe(201)
  expect(made.headers.get('location')).toBe('/connect/v1/connections/shop')
  expect(made.headers.get('etag')).toMatch(/^"1-[\w-]{11}"$/)
  expect(made.body).toMatchObject({
    ...whole,
    status: 'inactive',
    next_run_at: null,
    last_run: null,
  })
  const found = await api.call('GET /connections/shop')
  expect(found.body).toEqual(made.body)
  expect(found.headers.get('etag')).toBe(made.headers.get('etag'))
})

test('a description is text of at most 2,000 characters, and a missing field is named', async () => {
  await using api = await withSource()
  expect((await api.call('POST /connections', { name: 'shop' })).body).toMatchObject({
    error: { details: { problem: 'body/from: is missing' } },
  })
  await api.call('POST /connections', { ...whole, description: 'x'.repeat(2_000) })
  for (const description of ['x'.repeat(2_001), 'a\u0000b', '\u001b[31mred', 5]) {
    const refused = await api.call('PATCH /connections/shop', { description })
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ error: { code: 'request_invalid' } })
  }
  const taken = await api.call('PATCH /connections/shop', { description: null })
  expect(taken.body).toMatchObject({ description: null })
})

test('a connection shows its drift, which is approved by its fingerprint', async () => {
  await using api = await withSource()
  await api.call('POST /connections', whole)
  const fingerprint = '0123456789abcdef0123456789abcdef'
  const other = fingerprint.replace('0', 'f')
  await api.call('POST /connections/shop/activate')
  const { id: run } = await api.service.runs.start('shop')
  const drift: SchemaDrift = {
    status: 'blocked',
    fingerprint,
    changes: [
      {
        name: 'users',
        namespace: null,
        change: 'changed',
        addedColumns: [{ name: 'phone', type: 'string' }],
        removedColumns: [],
        typeChanges: [{ name: 'age', from: 'integer', to: 'number' }],
        primaryKey: { from: [['id']], to: [] },
        cursor: {
          from: { field: [], sourceDefined: false },
          to: { field: ['at'], sourceDefined: true },
        },
        syncModes: null,
        columnsLeft: 0,
      },
    ],
    total: 1,
    run,
    detectedAt: '2026-11-26T10:00:00.000Z',
  }
  await settleDrift(api.store, run, { drift })
  expect((await api.call('GET /connections/shop')).body).toMatchObject({
    drift: {
      status: 'blocked',
      fingerprint,
      total: 1,
      run,
      detected_at: '2026-11-26T10:00:00.000Z',
      changes: [
        {
          name: 'users',
          namespace: null,
          change: 'changed',
          sync_modes: null,
          added_columns: [{ name: 'phone', type: 'string' }],
          removed_columns: [],
          type_changes: [{ name: 'age', from: 'integer', to: 'number' }],
          primary_key: { from: [['id']], to: [] },
          cursor: {
            from: { field: [], source_defined: false },
            to: { field: ['at'], source_defined: true },
          },
        },
      ],
    },
  })
  const path = 'POST /connections/shop/approve'
  expect(await api.call(path, {})).toMatchObject({ status: 400 })
  expect(await api.call(path, { fingerprint: 'x' })).toMatchObject({ status: 400 })
  expect(await api.call(path, { fingerprint: other })).toMatchObject({
    status: 409,
    body: { error: { code: 'schema_drift_outdated', details: { fingerprint } } },
  })
  expect(await api.call(path, { fingerprint })).toMatchObject({
    status: 200,
    body: { drift: null },
  })
  expect(await api.call('POST /connections/none/approve', { fingerprint })).toMatchObject({
    status: 404,
  })
})

test('a connection without streams, schedule and options has all streams and no schedule', async () => {
  await using api = await withSource()
  const { body } = await api.call('POST /connections', {
    name: 'shop',
    from: 'source',
    destination: 'data:shop',
  })
  expect(body).toMatchObject({ streams: null, schedule: null, options: {} })
})

test('a connection is refused that has a taken name, no instance, or a stream that is none', async () => {
  await using api = await withSource()
  await api.call('POST /connections', whole)
  const cases = [
    [{}, 409, 'name_taken'],
    [{ name: 'b', from: 'none' }, 404, 'instance_not_found'],
    [{ name: 'b', streams: [{ name: 'nothing' }] }, 422, 'stream_not_found'],
  ] as const
  for (const [change, status, code] of cases) {
    const answer = await api.call('POST /connections', { ...whole, ...change })
    expect(answer.status, code).toBe(status)
    expect(answer.body).toMatchObject({ error: { code } })
  }
})

test('streams are those of the source, and what does not fit them is refused with its place', async () => {
  await using api = await withSource()
  expect((await api.call('POST /instances/source/check')).body).toMatchObject({
    status: 'SUCCEEDED',
  })
  const discovered = await api.call('POST /instances/source/discover')
  expect(JSON.stringify(discovered.body)).toContain('"orders"')
  const base = { name: 'orders', from: 'source', destination: 'data:mart', activate: true }
  const cases = [
    [{ streams: [{ name: 'order' }] }, 'stream_not_found'],
    [{ streams: [{ name: 'orders', primary_key: ['nothing'] }] }, 'stream_column_not_found'],
    [{ destination: 'nowhere' }, 'destination_invalid'],
    [{ schedule: { cron: '* * *' } }, 'schedule_invalid'],
    [{ schedule: { cron: '0 0 * * *', timezone: 'Mars/Base' } }, 'schedule_invalid'],
  ] as const
  for (const [change, code] of cases) {
    const { status, body } = await api.call('POST /connections', { ...base, ...change })
    expect(body, code).toMatchObject({ error: { code } })
    expect(status).toBe(422)
  }
  const streams = [{ name: 'orders', namespace: 'public' }]
  const schedule = { cron: '0 3 * * *', timezone: 'Europe/Berlin' }
  const made = await api.call('POST /connections', { ...base, streams, schedule })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({ schedule, next_run_at: expect.any(String) as unknown })
  const used = await api.call('DELETE /instances/source')
  expect(used).toMatchObject({ status: 409, body: { error: { code: 'instance_in_use' } } })
})

test('an update changes what it names and leaves the rest', async () => {
  await using api = await withSource()
  await api.call('POST /connections', whole)
  const { status, headers, body } = await api.call(
    'PATCH /connections/shop',
    { schedule: null, destination: 'data:other' },
    { 'if-match': '"1"' },
  )
  expect(status).toBe(200)
  expect(headers.get('etag')).toMatch(/^"2-/)
  expect(body).toMatchObject({ ...whole, schedule: null, destination: 'data:other', version: 2 })
  const late = await api.call('PATCH /connections/shop', {}, { 'if-match': '"1"' })
  expect(late.status).toBe(412)
  const weak = await api.call('DELETE /connections/shop', undefined, { 'if-match': 'W/"2"' })
  expect(weak.status).toBe(412)
  const list = { 'if-match': '"1", "2"' }
  expect((await api.call('DELETE /connections/shop', undefined, list)).status).toBe(204)
})

test('a connection that the client has already is not sent again, until it or its last run has changed', async () => {
  await using api = await withSource()
  await api.call('POST /connections', { ...whole, activate: true })
  const get = (tag: string) =>
    api.call('GET /connections/shop', undefined, { 'if-none-match': tag })
  const first = (await get('"none"')).headers.get('etag') ?? ''
  expect(await get(first)).toMatchObject({ status: 304, body: null })
  expect((await get(first)).headers.get('etag')).toBe(first)
  expect((await get(`"x", W/${first}`)).status).toBe(304)
  expect((await get('*')).status).toBe(304)
  await api.service.runs.start('shop')
  const after = await get(first)
  expect(after).toMatchObject({ status: 200, body: { version: 1, last_run: { status: 'queued' } } })
  const tag = after.headers.get('etag') ?? ''
  const change = await api.call('PATCH /connections/shop', {}, { 'if-match': tag })
  expect(change.status).toBe(200)
})

test('an update cannot change the name or the instance', async () => {
  await using api = await withSource()
  await api.call('POST /connections', whole)
  for (const change of [{ name: 'other' }, { from: 'other' }, { status: 'paused' }, { id: 'x' }]) {
    const { status, body } = await api.call('PATCH /connections/shop', change)
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: { code: 'request_invalid' } })
  }
})

test('a new connection runs only after it was activated', async () => {
  await using api = await withSource()
  await api.call('POST /connections', whole)
  for (const route of ['runs', 'pause', 'resume']) {
    const refused = await api.call(`POST /connections/shop/${route}`)
    expect(refused.status, route).toBe(409)
    expect(refused.body).toMatchObject({
      error: {
        code: 'connection_inactive',
        suggested_fix: expect.stringMatching(/sandbox shop.*activate shop/) as unknown,
      },
    })
  }
  const listed = await api.call('GET /connections?status=inactive')
  expect(listed.body).toMatchObject({ items: [{ name: 'shop' }] })
  const active = await api.call('POST /connections/shop/activate')
  expect(active).toMatchObject({ status: 200, body: { status: 'active', version: 2 } })
  const again = await api.call('POST /connections/shop/activate')
  expect(again.body).toMatchObject({ version: 2 })
  expect((await api.call('POST /connections/shop/runs')).status).toBe(201)
})

test('a connection is paused and resumed', async () => {
  await using api = await withSource()
  await api.call('POST /connections', { ...whole, activate: true })
  const paused = await api.call('POST /connections/shop/pause')
  expect(paused).toMatchObject({ status: 200, body: { status: 'paused', version: 2 } })
  const listed = await api.call('GET /connections?status=paused&instance=source')
  expect(listed.body).toMatchObject({ items: [{ name: 'shop' }], next_cursor: null })
  const resumed = await api.call('POST /connections/shop/resume')
  expect(resumed).toMatchObject({ status: 200, body: { status: 'active', version: 3 } })
  expect((await api.call('GET /connections?status=paused')).body).toMatchObject({ items: [] })
})

test('a connection with an active run is neither deleted nor reset', async () => {
  await using api = await withSource()
  await api.call('POST /connections', { ...whole, activate: true })
  const run = await api.service.runs.start('shop')
  for (const route of ['DELETE /connections/shop', 'POST /connections/shop/reset']) {
    const { status, body } = await api.call(route)
    expect(status).toBe(409)
    expect(body).toMatchObject({
      error: { code: 'connection_has_active_run', details: { connection: 'shop', run: run.id } },
    })
  }
  await endRun(api.store.runs, run.id)
  expect(await api.call('POST /connections/shop/reset')).toMatchObject({ status: 204, body: null })
  const some = await api.call('POST /connections/shop/reset', { streams: ['users'] })
  expect(some.status).toBe(204)
  const none = await api.call('POST /connections/shop/reset', { streams: ['nothing'] })
  expect(none.status).toBe(422)
  const range = { streams: ['users'], from: '1' }
  const ranged = await api.call('POST /connections/shop/reset-range', range)
  expect(ranged).toMatchObject({ status: 422, body: { error: { code: 'stream_range_invalid' } } })
  const unbound = await api.call('POST /connections/shop/reset-range', { streams: ['users'] })
  expect(unbound.body).toMatchObject({ error: { details: { field: 'from' } } })
  expect(await api.call('DELETE /connections/shop')).toMatchObject({ status: 204, body: null })
})

test('every operation on a connection that does not exist says so', async () => {
  await using api = await withSource()
  for (const [route, body] of [
    ['GET /connections/none'],
    ['PATCH /connections/none', {}],
    ['DELETE /connections/none'],
    ['POST /connections/none/activate'],
    ['POST /connections/none/pause'],
    ['POST /connections/none/resume'],
    ['POST /connections/none/reset'],
    ['GET /connections/none/runs'],
    ['POST /connections/none/runs'],
  ] as const) {
    const answer = await api.call(route, body)
    expect(answer.status, route).toBe(404)
    expect(answer.body).toMatchObject({ error: { code: 'connection_not_found' } })
  }
})
