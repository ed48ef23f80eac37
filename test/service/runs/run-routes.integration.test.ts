import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { endRun, logOfRun } from '../../support/run-by-hand.ts'
import { ApiClient } from '../../support/api-client.ts'
import { Follower } from '../../support/follower.ts'
import { TestApi } from '../../support/test-api.ts'
import { longTest } from '../../support/long.ts'

const unknownRun = 'run_01ARZ3NDEKTSV4RRFFQ69G5FAV'

test('a run is started, and found under its connection and by its id alone', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const started = await api.call('POST /connections/shop/runs')
  const { id } = z.object({ id: z.string() }).parse(started.body)
  expect(started.status).toBe(201)
  expect(started.headers.get('location')).toBe(`/connect/v1/connections/shop/runs/${id}`)
  expect(started.body).toMatchObject({
    connection: 'shop',
    status: 'queued',
    trigger: 'manual',
  })
  for (const route of [`GET /connections/shop/runs/${id}`, `GET /runs/${id}`]) {
    expect(await api.call(route)).toMatchObject({ status: 200, body: started.body as object })
  }
  expect((await api.call('GET /connections/shop')).body).toMatchObject({ last_run: { id } })
})

test('a second run waits for the end of the first', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const run = await api.service.runs.start('shop')
  const { status, body } = await api.call('POST /connections/shop/runs')
  expect(status).toBe(409)
  expect(body).toMatchObject({ error: { code: 'run_active', details: { run: run.id } } })
})

test('runs are listed by status, the newest first', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const ids: string[] = []
  for (const status of ['failed', 'complete', 'failed'] as const) {
    const { id } = await api.service.runs.start('shop')
    await endRun(api.store.runs, id, { status })
    ids.unshift(id)
  }
  expect(await listed('')).toEqual(ids)
  expect(await listed('?status=failed')).toEqual([ids[0], ids[2]])
  expect((await api.call('GET /connections/shop/runs?status=ended')).status).toBe(400)

  async function listed(query: string): Promise<readonly string[]> {
    const { body } = await api.call(`GET /connections/shop/runs${query}`)
    return z
      .object({ items: z.array(z.object({ id: z.string() })) })
      .parse(body)
      .items.map(({ id }) => id)
  }
})

test.each(['connections/shop/runs', 'runs'])(
  'a run is cancelled and retried at /%s',
  async (place) => {
    await using api = await TestApi.start()
    await api.withConnection()
    const { id } = await api.service.runs.start('shop')
    const active = await api.call(`POST /${place}/${id}/retry`)
    expect(active).toMatchObject({ status: 409, body: { error: { code: 'run_active' } } })
    const cancelled = await api.call(`POST /${place}/${id}/cancel`)
    expect(cancelled).toMatchObject({ status: 200, body: { id, status: 'cancelled' } })
    const ended = await api.call(`POST /${place}/${id}/cancel`)
    expect(ended).toMatchObject({ status: 409, body: { error: { code: 'run_ended' } } })
    const retried = await api.call(`POST /${place}/${id}/retry`)
    expect(retried).toMatchObject({ status: 201, body: { retry_of: id, trigger: 'retry' } })
  },
)

test('a run says who started it', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  await api.withConnection('other')
  const own = await api.call('POST /connections/shop/runs')
  expect(own).toMatchObject({ status: 201, body: { trigger: 'manual' } })
  const ofJobs = await api.call('POST /connections/other/runs', { trigger: 'jobs' })
  expect(ofJobs).toMatchObject({ status: 201, body: { trigger: 'jobs' } })
  const lie = await api.call('POST /connections/other/runs', { trigger: 'schedule' })
  expect(lie).toMatchObject({ status: 400, body: { error: { code: 'request_invalid' } } })
})

longTest('as many logs are followed as there may be, of one key and of all', async () => {
  await using api = await TestApi.start({ followers: { each: 2, all: 3 } })
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
  const { key: otherKey } = await api.service.apiKeys.create({ name: 'other', kind: 'admin' })
  const other = new ApiClient(api.url, otherKey)
  const follow = (client = api.client) => Follower.start(client, id)
  const refused = async (client = api.client) => {
    const stream = { accept: 'text/event-stream' }
    const answer = await client.call(`GET /runs/${id}/logs`, undefined, stream)
    expect(answer).toMatchObject({ status: 429, body: { error: { code: 'too_many_followers' } } })
    expect(answer.headers.get('retry-after')).toBe('10')
  }
  const [first] = [await follow(), await follow()]
  await refused()
  // Parts of the log are had all the same, and other keys have places of their own, up to the limit of all.
  expect((await api.call(`GET /runs/${id}/logs`)).status).toBe(200)
  const ofOther = await follow(other)
  await refused(other)
  first.leave()
  const last = await vi.waitFor(() => follow(other), 10_000)
  for (const follower of [ofOther, last]) follower.leave()
  await vi.waitFor(() => follow(), 10_000)
})

test('the log is read in parts', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
  await logOfRun(api.store.runs, id, 'queued', 'one', 'two', 'three')
  const first = await api.call(`GET /runs/${id}/logs?limit=2`)
  expect(first.body).toMatchObject({
    items: [
      { seq: 1, message: 'queued', level: 'info', fields: { a: 1 } },
      { seq: 2, message: 'one' },
    ],
    next_after: 2,
  })
  const second = await api.call(`GET /connections/shop/runs/${id}/logs?after=2`)
  expect(second.body).toMatchObject({ items: [{ seq: 3 }, { seq: 4 }], next_after: 4 })
  const end = await api.call(`GET /runs/${id}/logs?after=4`)
  expect(end.body).toEqual({ items: [], next_after: 4 })
})

test('a run that does not exist, or is another connection’s, is not found', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  await api.withConnection('other')
  const { id } = await api.service.runs.start('shop')
  for (const base of [
    `runs/${unknownRun}`,
    `connections/shop/runs/${unknownRun}`,
    `connections/other/runs/${id}`,
  ]) {
    for (const route of [
      `GET /${base}`,
      `GET /${base}/logs`,
      `POST /${base}/cancel`,
      `POST /${base}/retry`,
    ]) {
      const { status, body } = await api.call(route)
      expect(status, route).toBe(404)
      expect(body).toMatchObject({ error: { code: 'run_not_found' } })
    }
  }
})

test('a queued run is cancelled at once, and retried', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
  const cancelled = await api.call(`POST /runs/${id}/cancel`)
  expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  const retried = await api.call(`POST /runs/${id}/retry`)
  expect(retried).toMatchObject({ status: 201, body: { retry_of: id, status: 'queued' } })
})
