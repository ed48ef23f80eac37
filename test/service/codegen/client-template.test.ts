import { describe, expect, test } from 'vitest'
import { createClient, type Client } from '../../../service/codegen/template/client.ts'
import { ConnectError } from '../../../service/codegen/template/errors.ts'
import { streamNameOf } from '../../../service/codegen/template/streams.ts'
import { scriptedService, type ScriptedAnswer, type ScriptedService } from './scripted-service.ts'

interface Scripted extends AsyncDisposable {
  readonly client: Client
  readonly service: ScriptedService
}

/** A client of a service that gives these responses. */
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

test('a client sends the requests that the HTTP API documents', async () => {
  await using server = await scripted(works, works, works, works, works)
  const { client, service } = server
  await client.check()
  await client.discover({ refresh: true })
  await client.connections.create({
    name: 'shop',
    destination: 'data:shop',
    activate: true,
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
    name: 'shop',
    from: 'shop',
    destination: 'data:shop',
    activate: true,
    streams: [
      { name: 'orders', namespace: 'public' },
      { name: 'customers', sync_mode: 'incremental', cursor_field: 'id' },
    ],
  })
  expect(service.seen[2]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
  expect(service.seen[4]?.headers['idempotency-key']).toBe('mine')
  expect(service.seen[0]?.headers['content-type']).toBeUndefined()
})

test('a client gives a stream the same name in every call', async () => {
  await using server = await scripted(works, { status: 204 }, works)
  const { client, service } = server
  await client.connections.sandbox('shop', { limitRows: 5, streams: ['public.orders'] })
  await client.connections.reset('shop', { streams: ['customers'] })
  await client.connections.update('shop', { streams: ['public.orders'] }, { ifVersion: 3 })
  expect(service.seen.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    { limit_rows: 5, streams: ['"public"."orders"'] },
    { streams: ['"customers"'] },
    { streams: [{ name: 'orders', namespace: 'public' }] },
  ])
  expect(service.seen[2]).toMatchObject({ method: 'PATCH', headers: { 'if-match': '"3"' } })
  expect(streamNameOf({ name: 'orders', namespace: 'public' })).toBe('public.orders')
  expect(streamNameOf({ name: 'customers', namespace: null })).toBe('customers')
  expect(streamNameOf({ name: 'orders' })).toBeUndefined()
})

test('a client does with connections, sandboxes and runs what the API does', async () => {
  const run = json(200, '{"id":"run_1","status":"complete"}')
  const drift = json(200, '{"drift":{"fingerprint":"f"}}')
  const nothing = { status: 204 } as const
  await using server = await scripted(
    ...[works, works, nothing, drift, works, works, works, nothing, run],
    ...[
      json(200, '{"items":[{"seq":4}],"next_after":4}'),
      json(200, '{"items":[],"next_after":4}'),
    ],
  )
  const { client, service } = server
  const { connections, sandboxes, runs } = client
  await connections.pause('shop')
  await connections.resume('shop')
  await connections.delete('shop', { ifVersion: 2 })
  expect(await connections.drift('shop')).toEqual({ fingerprint: 'f' })
  await connections.approve('shop', 'f')
  await sandboxes.get('shop', 'sbx_1')
  await sandboxes.rows('shop', 'sbx_1')
  await sandboxes.delete('shop', 'sbx_1')
  await runs.retry('run_1')
  expect(await runs.logs('run_1', { after: 3, limit: 10 })).toMatchObject({ next_after: 4 })
  await runs.logs('run_1')
  expect(
    service.seen.map(({ method, path }) => `${method} ${path.replace('/connect/v1', '')}`),
  ).toEqual([
    'POST /connections/shop/pause',
    'POST /connections/shop/resume',
    'DELETE /connections/shop',
    'GET /connections/shop',
    'POST /connections/shop/approve',
    'GET /connections/shop/sandboxes/sbx_1',
    'GET /connections/shop/sandboxes/sbx_1/rows',
    'DELETE /connections/shop/sandboxes/sbx_1',
    'POST /runs/run_1/retry',
    'GET /runs/run_1/logs?after=3&limit=10',
    'GET /runs/run_1/logs',
  ])
})

test('a list is read page after page, and no further than asked', async () => {
  const page = (name: string, next: string | null): ScriptedAnswer =>
    json(200, JSON.stringify({ items: [{ name }], next_cursor: next }))
  await using server = await scripted(page('a', 'c&1'), page('b', null), page('c', 'more'))
  const names: string[] = []
  for await (const { name } of server.client.connections.list({ status: 'active' }))
    names.push(name)
  expect(names).toEqual(['a', 'b'])
  for await (const run of server.client.runs.list('shop', { status: 'failed' })) {
    expect(run).toEqual({ name: 'c' })
    break
  }
  expect(server.service.seen.map(({ path }) => path.replace('/connect/v1', ''))).toEqual([
    '/connections?instance=shop&status=active',
    '/connections?instance=shop&status=active&cursor=c%261',
    '/connections/shop/runs?status=failed',
  ])
})

test('the log of a run is followed until the run has ended, without a line lost or doubled', async () => {
  const run = (status: string): ScriptedAnswer => json(200, JSON.stringify({ id: 'r', status }))
  const lines = (...seqs: readonly number[]): ScriptedAnswer =>
    json(200, JSON.stringify({ items: seqs.map((seq) => ({ seq })), next_after: seqs.at(-1) ?? 3 }))
  await using server = await scripted(
    ...[run('running'), lines(1, 2), lines(3), lines()],
    ...[run('complete'), lines(4), json(200, '{"items":[],"next_after":4}')],
  )
  const seen: number[] = []
  for await (const { seq } of server.client.runs.follow('r', { everyMs: 1 })) seen.push(seq)
  expect(seen).toEqual([1, 2, 3, 4])
  expect(server.service.seen).toHaveLength(7)
})

describe('what failed', () => {
  test.each<[string, ScriptedAnswer]>([
    ['502', json(502, error('source_failed'), soon)],
    ['503', json(503, error('store_unavailable'), soon)],
    ['504', { status: 504, body: '<html>', headers: soon }],
    ['429', json(429, error('rate_limited'), soon)],
    ['a connection that was cut', { status: 'cut' }],
  ])('is asked again after %s', async (_, answer) => {
    await using server = await scripted(answer, works)
    await expect(server.client.check()).resolves.toEqual({ status: 'SUCCEEDED' })
    expect(server.service.seen).toHaveLength(2)
  })

  test('is asked again under the same key, so that it is done once', async () => {
    const late = json(409, error('idempotency_key_in_use'), soon)
    const broken = json(503, error('store_unavailable'), soon)
    await using server = await scripted(broken, late, json(201, '{"id":"run_1"}'))
    await expect(server.client.runs.start('shop')).resolves.toEqual({ id: 'run_1' })
    const keys = server.service.seen.map(({ headers }) => headers['idempotency-key'])
    expect(new Set(keys).size).toBe(1)
    expect(keys).toHaveLength(3)
  })

  test('has its key in the error, for whoever sends it again', async () => {
    const broken = json(503, error('store_unavailable'), soon)
    await using server = await scripted(broken, broken, json(201, '{"id":"run_1"}'))
    const options = { baseUrl: server.service.url, apiKey: 'k', retries: 1 }
    const client = createClient(options)
    const { idempotencyKey } = await failureOf(client.runs.start('shop'))
    if (idempotencyKey === undefined) throw new TypeError('the error has no key')
    await client.runs.start('shop', { idempotencyKey })
    const keys = server.service.seen.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual([idempotencyKey, idempotencyKey, idempotencyKey])
    await using gone = await scripted({ status: 'cut' })
    const lost = createClient({ baseUrl: gone.service.url, apiKey: 'k', retries: 0 })
    const own = { idempotencyKey: 'mine' }
    expect((await failureOf(lost.runs.start('shop', own))).idempotencyKey).toBe('mine')
  })

  test('is not asked again where that could do it twice, but after 429', async () => {
    await using server = await scripted(
      json(429, error('rate_limited'), soon),
      json(503, error('store_unavailable'), soon),
    )
    expect((await failureOf(server.client.actions.sendInvoice({}))).code).toBe('store_unavailable')
    expect(server.service.seen).toHaveLength(2)
  })

  test('is not asked again where the answer would be the same', async () => {
    await using server = await scripted(json(422, error('stream_not_found'), soon))
    expect((await failureOf(server.client.check())).status).toBe(422)
    expect(server.service.seen).toHaveLength(1)
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
    await using server = await scripted(broken, works)
    expect((await failureOf(server.client.check())).code).toBe('store_unavailable')
    expect(server.service.seen).toHaveLength(1)
  })

  test('says all that the service says', async () => {
    const body = error('name_taken', ',"docs_url":"docs/x.md","details":{"name":"shop"}')
    await using server = await scripted(json(409, body))
    const failure = await failureOf(server.client.check())
    expect(failure).toMatchObject({
      code: 'name_taken',
      status: 409,
      message: 'No',
      suggestedFix: 'Do',
      requestId: 'r1',
      failureType: 'config_error',
      docsUrl: 'docs/x.md',
      details: { name: 'shop' },
    })
  })

  const html = { 'content-type': 'text/html' }
  test.each<[string, ScriptedAnswer, RegExp, string]>([
    ['a page', { status: 200, body: '<html>', headers: html }, /status 200 .*: <html>$/, 'config'],
    ['a number', json(200, '7'), /status 200/, 'config'],
    ['an empty body', { status: 200 }, /status 200 is not Reactor Connect$/, 'config'],
    ['JSON with half an error', json(403, '{"error":{"code":7}}'), /status 403/, 'config'],
    ['JSON null', json(500, 'null'), /status 500/, 'config'],
    [
      'an error page',
      { status: 500, body: `<h1>\n${'x'.repeat(999)}`, headers: html },
      /: <h1> x{195}$/,
      'config',
    ],
    ['a page of a limit', { status: 429, headers: html }, /status 429/, 'transient'],
  ])('says what came instead of an answer: %s', async (_, ...[answer, message, kind]) => {
    await using service = await scriptedService([answer])
    const client = createClient({ baseUrl: service.url, apiKey: 'k', retries: 0 })
    const failure = await failureOf(client.check())
    expect(failure).toMatchObject({
      code: 'service_answer_invalid',
      status: answer.status,
      failureType: `${kind}_error`,
    })
    expect(failure.message).toMatch(message)
    expect(failure.suggestedFix).not.toBe('')
  })

  test.each<[string, ScriptedAnswer]>([
    ['a page', { status: 502, body: '<h1>Bad gateway</h1>', headers: html }],
    ['nothing', { status: 503 }],
    ['JSON of its own', json(504, '{"error":"Bad gateway"}')],
  ])('says that a proxy before the service responds, with %s', async (_, answer) => {
    const before = `a proxy before it responded with status ${String(answer.status)}`
    await using service = await scriptedService([answer, answer, answer, answer])
    const client = createClient({ baseUrl: service.url, apiKey: 'k', retries: 0 })
    expect(await failureOf(client.check())).toMatchObject({
      code: 'service_unreachable',
      status: answer.status,
      failureType: 'transient_error',
      message: expect.stringContaining(before) as unknown,
    })
    const { actions } = client
    const unclear = await failureOf(actions.sendInvoice({}))
    expect(unclear).toMatchObject({ code: 'action_outcome_unknown', status: answer.status })
    expect(unclear.message).toContain(before)
    const keyed = await failureOf(actions.sendInvoice({}, { idempotencyKey: 'k1' }))
    expect(keyed).toMatchObject({ code: 'service_unreachable', idempotencyKey: 'k1' })
    expect(keyed.suggestedFix).toContain('`idempotencyKey` of this error')
    const token = await failureOf(actions.sendInvoice({}, { token: 't' }))
    expect(token.code).toBe('action_outcome_unknown')
  })

  test('says so where the service sends it elsewhere', async () => {
    await using redirecting = await scripted({ status: 302, headers: { location: '/x' } })
    const client = createClient({ baseUrl: redirecting.service.url, apiKey: 'k', retries: 0 })
    expect((await failureOf(client.check())).code).toBe('service_unreachable')
    expect(redirecting.service.seen).toHaveLength(1)
  })
})

describe('a signal', () => {
  test('ends a call that is not answered, with its reason', async () => {
    await using server = await scripted({ status: 'silent' })
    const stop = new AbortController()
    const asked = server.client.check({ signal: stop.signal })
    const reason = new Error('enough')
    await expect.poll(() => server.service.seen.length).toBe(1)
    stop.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('ends a pause before a repetition, and the waiting for a run', async () => {
    const later = json(503, error('store_unavailable'), { 'retry-after': '30' })
    await using server = await scripted(later, json(200, '{"status":"running"}'))
    for (const call of [
      (signal: AbortSignal) => server.client.check({ signal }),
      (signal: AbortSignal) => server.client.runs.wait('run_1', { signal, everyMs: 30_000 }),
    ]) {
      const seen = server.service.seen.length
      const stop = new AbortController()
      const asked = call(stop.signal)
      await expect.poll(() => server.service.seen.length).toBe(seen + 1)
      stop.abort()
      await expect(asked).rejects.toThrow('aborted')
    }
  })

  test('that is aborted already asks nobody', async () => {
    await using server = await scripted(works)
    await expect(server.client.check({ signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(server.service.seen).toEqual([])
  })
})

test('a run is waited for until it has ended, however it ended', async () => {
  const states = ['queued', 'running', 'failed'].map((status) =>
    json(200, JSON.stringify({ id: 'run_1', status })),
  )
  await using server = await scripted(...states)
  const seen: string[] = []
  const onLook = ({ status }: { readonly status: string }): void => void seen.push(status)
  const run = await server.client.runs.wait('run_1', { everyMs: 1, onLook })
  expect(run.status).toBe('failed')
  expect(seen).toEqual(['queued', 'running', 'failed'])
})

describe('an action', () => {
  const plan =
    '{"dry_run":"synthesized","request":{"method":"POST","url":"https://v/","headers":{}}}'

  test('gives its output, and its plan for a dry run', async () => {
    await using server = await scripted(json(200, '{"output":{"id":7}}'), json(200, plan))
    const { createOrder } = server.client.actions
    await expect(createOrder({ total: 1 })).resolves.toEqual({ id: 7 })
    await expect(server.client.dryRuns.createOrder({ total: 1 })).resolves.toEqual(JSON.parse(plan))
    expect(
      server.service.seen.map(({ path, body }) => [path, JSON.parse(body) as unknown]),
    ).toEqual(
      [false, true].map((dryRun) => [
        '/connect/v1/instances/shop/actions/createOrder/invoke',
        { input: { total: 1 }, dry_run: dryRun },
      ]),
    )
  })

  test('is tried in the way that is asked for, and its key belongs to whom it says', async () => {
    await using server = await scripted(json(200, plan), json(200, '{"output":1}'))
    await server.client.dryRuns.createOrder({}, { kind: 'synthesized' })
    await server.client.actions.createOrder(
      {},
      { idempotencyKey: 'ck', idempotencyScope: 'instance' },
    )
    const [tried, invoked] = server.service.seen
    expect(JSON.parse(tried?.body ?? '')).toEqual({ input: {}, dry_run: 'synthesized' })
    expect(invoked?.headers).toMatchObject({
      'idempotency-key': 'ck',
      'idempotency-scope': 'instance',
    })
  })

  test('that may not be repeated is repeated if it is a dry run', async () => {
    await using server = await scripted({ status: 'cut' }, json(200, plan))
    await server.client.dryRuns.sendInvoice({})
    expect(server.service.seen).toHaveLength(2)
  })

  test('carries the key that was given, whatever it is, and is repeated under it', async () => {
    const done = json(200, '{"output":1}')
    await using server = await scripted({ status: 'cut' }, done, done)
    const { sendInvoice, getOrder } = server.client.actions
    await sendInvoice({}, { idempotencyKey: 'ck-1' })
    await getOrder({}, { idempotencyKey: 'ck-2' })
    const keys = server.service.seen.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual(['ck-1', 'ck-1', 'ck-2'])
  })

  test('whose response was lost may have been carried out, unless it can be repeated', async () => {
    const cut = { status: 'cut' } as const
    await using service = await scriptedService(Array.from({ length: 4 }, () => cut))
    const client = createClient({ baseUrl: service.url, apiKey: 'k', retries: 0 })
    const { sendInvoice, createOrder, getOrder } = client.actions
    expect(await failureOf(sendInvoice({}))).toMatchObject({
      code: 'action_outcome_unknown',
      status: 0,
      message: expect.stringMatching(
        /^It is not known whether sendInvoice was carried out: .*other side closed/,
      ) as string,
    })
    const keyed = await failureOf(createOrder({}))
    expect(keyed).toMatchObject({
      code: 'service_unreachable',
      suggestedFix: expect.stringContaining('`idempotencyKey` of this error') as string,
    })
    expect(keyed.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/)
    const read = await failureOf(getOrder({}))
    expect(read).toMatchObject({
      code: 'service_unreachable',
      suggestedFix: expect.stringContaining('Check `baseUrl`') as string,
    })
    expect(await failureOf(client.runs.cancel('r'))).toMatchObject({
      code: 'service_unreachable',
      details: { may_be_done: true },
    })
  })

  test('that was never sent was not carried out', async () => {
    await using service = await scriptedService([])
    const { url } = service
    await service[Symbol.asyncDispose]()
    const client = createClient({ baseUrl: url, apiKey: 'k', retries: 0 })
    const failure = await failureOf(client.actions.sendInvoice({}))
    expect(failure).toMatchObject({ code: 'service_unreachable', status: 0 })
    expect(failure.details).not.toHaveProperty('may_be_done')
  })

  test('with a token is not repeated: its failure is the one that is told', async () => {
    const failed = json(502, error('action_unavailable'), soon)
    await using server = await scripted(failed, json(409, error('dry_run_token_used')))
    const options = { token: 'rdt.1', idempotencyKey: 'ck-1' }
    const failure = await failureOf(server.client.actions.createOrder({}, options))
    expect(failure.code).toBe('action_unavailable')
    expect(server.service.seen).toHaveLength(1)
  })

  test.each(['action_outcome_unknown', 'action_response_unreadable'])(
    'is not repeated after %s: it may be done',
    async (code) => {
      await using server = await scripted(json(502, error(code), soon))
      expect((await failureOf(server.client.actions.createOrder({}))).code).toBe(code)
      expect(server.service.seen).toHaveLength(1)
    },
  )

  test('takes and gives numbers with all their digits', async () => {
    const digits =
      '[9007199254740993,-123456789012345678901234567890,0.1000000000000000055,1e400,1.5,0.30000000000000004,1e5,"1234567890123456789"]'
    await using server = await scripted(
      json(200, `{"output":${digits}}`),
      json(200, '{"output":0}'),
    )
    const { getOrder } = server.client.actions
    const output = await getOrder({})
    expect(output).toEqual([
      ...[9007199254740993n, -123456789012345678901234567890n],
      ...[{ rawJSON: '0.1000000000000000055' }, { rawJSON: '1e400' }],
      ...[1.5, 0.30000000000000004, 100_000, '1234567890123456789'],
    ])
    await getOrder({ digits: output })
    expect(server.service.seen[1]?.body).toContain(`"digits":${digits.replace('1e5', '100000')}`)
  })
})
