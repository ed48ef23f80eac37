import { expect, test, vi } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { endRun, logOfRun } from '../../../support/run-by-hand.ts'
import { ApiClient } from '../../../support/api-client.ts'
import { countFollowers, Follower } from '../../../support/follower.ts'
import { TestApi } from '../../../support/test-api.ts'

test('a follower gets the lines so far, those that come, each change, and the end', async () => {
  await using api = await TestApi.start()
  const id = await startRun(api)
  const follower = await Follower.start(api.client, id)
  expect(follower.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(await follower.next()).toMatchObject({
    event: 'log',
    id: '1',
    data: { seq: 1, message: 'queued', level: 'info' },
  })
  expect(await follower.next()).toMatchObject({ event: 'run', data: { id, status: 'queued' } })
  await logOfRun(api.store.runs, id, 'line\nwith a break')
  expect(await follower.next()).toMatchObject({ id: '2', data: { message: 'line\nwith a break' } })
  await endRun(api.store.runs, id)
  const rest = await follower.rest()
  expect(rest.at(-2)).toMatchObject({ event: 'run', data: { status: 'complete' } })
  expect(rest.at(-1)).toEqual({ event: 'end', id: undefined, data: { id } })
})

test('after a break a follower goes on behind the last line that it saw', async () => {
  await using api = await TestApi.start()
  const id = await startRun(api)
  await logOfRun(api.store.runs, id, 'two', 'three')
  await endRun(api.store.runs, id)
  for (const path of [`/runs/${id}/logs`, `/connections/shop/runs/${id}/logs`]) {
    const follower = await Follower.start(api.client, id, {
      path,
      headers: { 'last-event-id': '2' },
    })
    expect(await follower.next()).toMatchObject({ id: '3', data: { message: 'three' } })
  }
  const byQuery = await Follower.start(api.client, id, { path: `/runs/${id}/logs?after=2` })
  expect(await byQuery.next()).toMatchObject({ id: '3' })
})

test('a follower sees what another process writes, and goes on after a break', async () => {
  await using api = await TestApi.start()
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
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
  const retried = await api.call(`POST /runs/${id}/retry`)
  expect(retried).toMatchObject({ status: 409, body: { error: { code: 'run_not_retryable' } } })
})

test('a Last-Event-ID that is no number is refused', async () => {
  await using api = await TestApi.start()
  const id = await startRun(api)
  for (const lastId of ['x', '-1', '1.5', '9'.repeat(30)]) {
    const { status, body } = await api.call(`GET /runs/${id}/logs`, undefined, {
      accept: 'text/event-stream',
      'last-event-id': lastId,
    })
    expect(status, lastId).toBe(400)
    expect(body).toMatchObject({ error: { code: 'request_invalid' } })
  }
})

test('a run that does not exist is an answer, not a stream', async () => {
  await using api = await TestApi.start()
  const accept = { accept: 'text/event-stream' }
  const { status, body } = await api.call(`GET /runs/run_${'0'.repeat(26)}/logs`, undefined, accept)
  expect(status).toBe(404)
  expect(body).toMatchObject({ error: { code: 'run_not_found' } })
})

test('a quiet stream says that it is alive', async () => {
  await using api = await TestApi.start({ heartbeatMs: 20 })
  const follower = await Follower.start(api.client, await startRun(api))
  await follower.until(': alive\n\n: alive\n\n')
})

test('a stream ends when its key is revoked, and tells why', async () => {
  await using api = await TestApi.start({ heartbeatMs: 20 })
  const id = await startRun(api)
  const { key, apiKey } = await api.service.apiKeys.create({ name: 'weak', kind: 'viewer' })
  const weak = new ApiClient(api.client.url, key)
  const follower = await Follower.start(weak, id)
  const other = await Follower.start(api.client, id)
  await api.service.apiKeys.revoke(apiKey.id)
  const events = await follower.rest()
  expect(events.at(-1)).toMatchObject({
    event: 'error',
    data: { error: { code: 'unauthorized' } },
  })
  await logOfRun(api.store.runs, id, 'said later')
  await endRun(api.store.runs, id)
  expect((await other.rest()).at(-1)).toMatchObject({ event: 'end' })
})

test('nobody follows a run for a client that went away', async () => {
  await using api = await TestApi.start()
  const followers = countFollowers(api.service.runs)
  const id = await startRun(api)
  const follower = await Follower.start(api.client, id)
  await follower.next()
  await vi.waitFor(() => {
    expect(followers()).toBe(1)
  }, 10_000)
  follower.leave()
  await vi.waitFor(() => {
    expect(followers()).toBe(0)
  }, 10_000)
})

test('streams end when the server closes', async () => {
  const api = await TestApi.start()
  const followers = countFollowers(api.service.runs)
  const id = await startRun(api)
  const follower = await Follower.start(api.client, id)
  await follower.next()
  await api[Symbol.asyncDispose]()
  await follower.rest()
  expect(followers()).toBe(0)
})

test('a follow that breaks ends with the error as an event, and says no more than any error', async () => {
  await using api = await TestApi.start()
  const id = await startRun(api)
  const failures = [
    [new ConnectError('store_unavailable', { details: { reason: 'gone' } }), 'store_unavailable'],
    [new TypeError('the-secret of the inside'), 'unexpected'],
  ] as const
  for (const [failure, code] of failures) {
    api.service.runs.follow = () => failing(failure)
    const follower = await Follower.start(api.client, id)
    const event = await follower.next()
    expect(event).toMatchObject({ event: 'error', data: { error: { code } } })
    expect(JSON.stringify(event)).not.toContain('the-secret')
    expect(await follower.next()).toBeNull()
  }
})

test('a client that does not read keeps no more than a few lines in memory', async () => {
  await using api = await TestApi.start({ closeTimeoutMs: 100 })
  const id = await startRun(api)
  const queued = await api.service.runs.get('shop', id)
  let taken = 0
  api.service.runs.follow = async function* (...[, , , signal]) {
    for (; !signal.aborted; taken += 1) yield await Promise.resolve({ type: 'run', run: queued })
  }
  await Follower.start(api.client, id)
  let before = -1
  await vi.waitFor(
    () => {
      const now = taken
      const still = now > 0 && now === before
      before = now
      expect(still).toBe(true)
    },
    { timeout: 20_000, interval: 200 },
  )
  expect(taken).toBeLessThan(100_000)
})

async function startRun(api: TestApi): Promise<string> {
  await api.withConnection()
  const { id } = await api.service.runs.start('shop')
  await logOfRun(api.store.runs, id, 'queued')
  return id
}

async function* failing(error: Error): AsyncGenerator<never> {
  await Promise.resolve()
  throw error
}
