import { describe, expect, test } from 'vitest'
import {
  ConnectError,
  createClient,
  type Client,
} from '../../../service/codegen/template/client.ts'
import { scriptedService, type ScriptedAnswer, type ScriptedService } from './scripted-service.ts'

interface Scripted extends AsyncDisposable {
  readonly client: Client
  readonly service: ScriptedService
}

/** A client of a service that answers so. */
async function scripted(...answers: readonly ScriptedAnswer[]): Promise<Scripted> {
  const service = await scriptedService(answers)
  const client = createClient({ baseUrl: `${service.url}/`, apiKey: 'rk_1' })
  return { client, service, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() }
}

const works = json(200, '{"status":"SUCCEEDED"}')
const soon = { 'retry-after': '0' }

function json(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): ScriptedAnswer {
  return { status, body, headers: { 'content-type': 'application/json', ...headers } }
}

function error(code: string, more = ''): string {
  return `{"error":{"code":"${code}","message":"No","suggested_fix":"Do","failure_type":"config_error","request_id":"r1"${more}}}`
}

async function failureOf(promise: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(thrown).toBeInstanceOf(ConnectError)
  return thrown as ConnectError
}

test('asks the service as the HTTP API has it', async () => {
  await using at = await scripted(works, works, works, works, works)
  const { client, service } = at
  await client.check()
  await client.discover({ refresh: true })
  await client.connections.create({
    ...{ name: 'shop', destination: 'data:shop', activate: true },
    streams: ['public.orders', { stream: 'customers', syncMode: 'incremental', cursorField: 'id' }],
  })
  await client.connections.get('a/../b')
  await client.runs.start('shop', { idempotencyKey: 'mine' })
  expect(service.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /connect/v1/instances/shop/check',
    'POST /connect/v1/instances/shop/discover',
    'POST /connect/v1/connections',
    'GET /connect/v1/connections/a%2F..%2Fb',
    'POST /connect/v1/connections/shop/runs',
  ])
  expect(service.seen.map(({ headers }) => headers.authorization)).toEqual(
    Array.from({ length: 5 }, () => 'Bearer rk_1'),
  )
  expect(JSON.parse(service.seen[1]?.body ?? '')).toEqual({ refresh: true })
  expect(JSON.parse(service.seen[2]?.body ?? '')).toEqual({
    ...{ name: 'shop', from: 'shop', destination: 'data:shop', activate: true },
    streams: [
      { name: 'orders', namespace: 'public' },
      { name: 'customers', sync_mode: 'incremental', cursor_field: 'id' },
    ],
  })
  expect(service.seen[2]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
  expect(service.seen[4]?.headers['idempotency-key']).toBe('mine')
  expect(service.seen[0]?.headers['content-type']).toBeUndefined()
})

describe('what failed', () => {
  test.each<[string, ScriptedAnswer]>([
    ['502', json(502, error('source_failed'), soon)],
    ['503', json(503, error('store_unavailable'), soon)],
    ['504', { status: 504, body: '<html>', headers: soon }],
    ['429', json(429, error('rate_limited'), soon)],
    ['a connection that was cut', { status: 'cut' }],
  ])('is asked again after %s', async (_, answer) => {
    await using at = await scripted(answer, works)
    await expect(at.client.check()).resolves.toEqual({ status: 'SUCCEEDED' })
    expect(at.service.seen).toHaveLength(2)
  })

  test('is asked again under the same key, so that it is done once', async () => {
    const late = json(409, error('idempotency_key_in_use'), soon)
    const broken = json(503, error('store_unavailable'), soon)
    await using at = await scripted(broken, late, json(201, '{"id":"run_1"}'))
    await expect(at.client.runs.start('shop')).resolves.toEqual({ id: 'run_1' })
    const keys = at.service.seen.map(({ headers }) => headers['idempotency-key'])
    expect(new Set(keys).size).toBe(1)
    expect(keys).toHaveLength(3)
  })

  test('is not asked again where that could do it twice, but after 429', async () => {
    await using at = await scripted(
      json(429, error('rate_limited'), soon),
      json(503, error('store_unavailable'), soon),
    )
    expect((await failureOf(at.client.actions.sendInvoice({}))).code).toBe('store_unavailable')
    expect(at.service.seen).toHaveLength(2)
  })

  test('is not asked again where the answer would be the same', async () => {
    await using at = await scripted(json(422, error('stream_not_found'), soon))
    expect((await failureOf(at.client.check())).status).toBe(422)
    expect(at.service.seen).toHaveLength(1)
  })

  test('is given up after as many times as it may be repeated', async () => {
    const broken = json(503, error('store_unavailable'), soon)
    await using service = await scriptedService([broken, broken, broken])
    const client = createClient({ baseUrl: service.url, apiKey: 'k', retries: 1 })
    expect((await failureOf(client.check())).code).toBe('store_unavailable')
    expect(service.seen).toHaveLength(2)
  })

  test('is given up at once where the service asks for a pause of more than a minute', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toUTCString()
    const broken = json(503, error('store_unavailable'), { 'retry-after': inAnHour })
    await using at = await scripted(broken, works)
    expect((await failureOf(at.client.check())).code).toBe('store_unavailable')
    expect(at.service.seen).toHaveLength(1)
  })

  test('says all that the service says', async () => {
    const body = error('name_taken', ',"docs_url":"docs/x.md","details":{"name":"shop"}')
    await using at = await scripted(json(409, body))
    const failure = await failureOf(at.client.check())
    expect(failure).toMatchObject({
      ...{ code: 'name_taken', status: 409, message: 'No', suggestedFix: 'Do', requestId: 'r1' },
      ...{ failureType: 'config_error', docsUrl: 'docs/x.md', details: { name: 'shop' } },
    })
  })

  test('says so where the answer is not of the service', async () => {
    await using at = await scripted({ status: 200, body: '<html>' })
    expect((await failureOf(at.client.check())).code).toBe('service_answer_invalid')
    await using redirecting = await scripted({ status: 302, headers: { location: '/x' } })
    const client = createClient({ baseUrl: redirecting.service.url, apiKey: 'k', retries: 0 })
    expect((await failureOf(client.check())).code).toBe('service_unreachable')
    expect(redirecting.service.seen).toHaveLength(1)
  })
})

describe('a signal', () => {
  test('ends a call that is not answered, with its reason', async () => {
    await using at = await scripted({ status: 'silent' })
    const stop = new AbortController()
    const asked = at.client.check({ signal: stop.signal })
    const reason = new Error('enough')
    await expect.poll(() => at.service.seen.length).toBe(1)
    stop.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('ends a pause before a repetition, and the waiting for a run', async () => {
    const later = json(503, error('store_unavailable'), { 'retry-after': '30' })
    await using at = await scripted(later, json(200, '{"status":"running"}'))
    for (const call of [
      (signal: AbortSignal) => at.client.check({ signal }),
      (signal: AbortSignal) => at.client.runs.wait('run_1', { signal, everyMs: 30_000 }),
    ]) {
      const seen = at.service.seen.length
      const stop = new AbortController()
      const asked = call(stop.signal)
      await expect.poll(() => at.service.seen.length).toBe(seen + 1)
      stop.abort()
      await expect(asked).rejects.toThrow('aborted')
    }
  })

  test('that is aborted already asks nobody', async () => {
    await using at = await scripted(works)
    await expect(at.client.check({ signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(at.service.seen).toEqual([])
  })
})

test('a run is waited for until it has ended, however it ended', async () => {
  const states = ['queued', 'running', 'failed'].map((status) =>
    json(200, JSON.stringify({ id: 'run_1', status })),
  )
  await using at = await scripted(...states)
  const seen: string[] = []
  const onLook = ({ status }: { readonly status: string }): void => void seen.push(status)
  const run = await at.client.runs.wait('run_1', { everyMs: 1, onLook })
  expect(run.status).toBe('failed')
  expect(seen).toEqual(['queued', 'running', 'failed'])
})

describe('an action', () => {
  const plan =
    '{"dry_run":"synthesized","request":{"method":"POST","url":"https://v/","headers":{}}}'

  test('gives its output, and its plan for a dry run', async () => {
    await using at = await scripted(json(200, '{"output":{"id":7}}'), json(200, plan))
    const { createOrder } = at.client.actions
    await expect(createOrder({ total: 1 })).resolves.toEqual({ id: 7 })
    await expect(createOrder({ total: 1 }, { dryRun: true })).resolves.toEqual(JSON.parse(plan))
    expect(at.service.seen.map(({ path, body }) => [path, JSON.parse(body) as unknown])).toEqual(
      [false, true].map((dryRun) => [
        '/connect/v1/instances/shop/actions/createOrder/invoke',
        { input: { total: 1 }, dry_run: dryRun },
      ]),
    )
  })

  test('that may not be repeated is, where it is a dry run', async () => {
    await using at = await scripted({ status: 'cut' }, json(200, plan))
    await at.client.actions.sendInvoice({}, { dryRun: true })
    expect(at.service.seen).toHaveLength(2)
  })

  test('takes and gives numbers with all their digits', async () => {
    const digits =
      '[9007199254740993,-123456789012345678901234567890,0.1000000000000000055,1e400,1.5,0.30000000000000004,1e5,"1234567890123456789"]'
    await using at = await scripted(json(200, `{"output":${digits}}`), json(200, '{"output":0}'))
    const { getOrder } = at.client.actions
    const output = await getOrder({})
    expect(output).toEqual([
      ...[9007199254740993n, -123456789012345678901234567890n],
      ...[{ rawJSON: '0.1000000000000000055' }, { rawJSON: '1e400' }],
      ...[1.5, 0.30000000000000004, 100_000, '1234567890123456789'],
    ])
    await getOrder({ digits: output })
    expect(at.service.seen[1]?.body).toContain(`"digits":${digits.replace('1e5', '100000')}`)
  })
})
