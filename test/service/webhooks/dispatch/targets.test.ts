import { describe, expect, test } from 'vitest'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import type { JsonObject } from '../../../../protocol/index.ts'
import { JobsClient } from '../../../../service/platform/jobs/jobs-client.ts'
import { FunctionTarget } from '../../../../service/webhooks/dispatch/targets/function-target.ts'
import { JobTarget } from '../../../../service/webhooks/dispatch/targets/job-target.ts'
import { StandardSignature } from '../../../../service/webhooks/dispatch/targets/standard-signature.ts'
import { UrlTarget } from '../../../../service/webhooks/dispatch/targets/url-target.ts'
import { problemOf } from '../../../../service/webhooks/signature/verify.ts'
import { startJobsService } from '../../../fakes/jobs-service.ts'
import { neverAborted } from '../../../support/signal.ts'
import { claimedEvent, dispatchSecret, nowMs, previousSecret } from './claimed.ts'
import { handlerServer, type ReceivedRequest } from './handler-server.ts'

const now = Date.now
const loopback = ['127.0.0.1/32']
/** Targets whose addresses are not in the vault. */
const plain = { wholeTarget: (_receiver: string, target: string) => Promise.resolve(target) }

function signature(secrets: JsonObject | null = { dispatch: dispatchSecret }): StandardSignature {
  const stored = secrets === null ? null : { secrets, version: 1 }
  return new StandardSignature({ vault: { get: () => Promise.resolve(stored) }, now })
}

function urlTarget(options: { timeoutMs?: number; networks?: readonly string[] } = {}): UrlTarget {
  const { timeoutMs = 2_000, networks = loopback } = options
  return new UrlTarget({
    ...plain,
    signature: signature(),
    allowedNetworks: networks,
    now,
    timeoutMs,
  })
}

function sendTo(target: UrlTarget, url: string, change: Parameters<typeof claimedEvent>[1] = {}) {
  const claimed = claimedEvent(`url:${url}`, change)
  return target.dispatch({ target: { kind: 'url', url }, claimed }, neverAborted())
}

function isVerified({ body, headers }: ReceivedRequest, secret: string): boolean {
  const header = (name: string): string | undefined => [headers[name]].flat()[0]
  const options = { secrets: [secret], nowMs: Date.now(), windowMs: 60_000 }
  return problemOf(standardWebhooks, { header, body }, options) === undefined
}

describe('a url target', () => {
  test('gets the body as it came, signed as Standard Webhooks', async () => {
    await using server = await handlerServer()
    await using target = urlTarget()
    const body = Buffer.from('{"b": 1.0, "a": "\\u00e9 \u00e9"}\n')
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    expect(await sendTo(target, `${server.url}/hook?a=b`, { body, headers })).toEqual({
      outcome: 'done',
    })
    const [received] = server.requests
    expect(received).toMatchObject({
      ...{ path: '/hook?a=b', method: 'POST', body },
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'reactor-event-type': 'charge.paid',
        'reactor-receiver': 'shop',
      },
    })
    expect(received !== undefined && isVerified(received, dispatchSecret)).toBe(true)
  })

  test('has the same id for each attempt, and another one than its neighbour', async () => {
    await using server = await handlerServer()
    await using target = urlTarget()
    for (const path of ['/a', '/a', '/b']) await sendTo(target, `${server.url}${path}`)
    const [first, again, other] = server.requests.map(({ headers }) => headers['webhook-id'])
    expect(first).toMatch(/^dlv_01J_[0-9a-f]{8}$/)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  test('while its secret is exchanged, both verify, and afterwards only the new one', async () => {
    await using server = await handlerServer()
    for (const until of ['2999-01-01T00:00:00Z', '2020-01-01T00:00:00Z']) {
      const previousDispatch = [{ value: previousSecret, until }]
      const both = signature({ dispatch: dispatchSecret, previousDispatch })
      await using target = new UrlTarget({
        ...plain,
        signature: both,
        allowedNetworks: loopback,
        now,
      })
      await sendTo(target, server.url)
    }
    const verified = server.requests.map((request) => [
      isVerified(request, dispatchSecret),
      isVerified(request, previousSecret),
    ])
    expect(verified).toEqual([
      [true, true],
      [true, false],
    ])
  })

  test.each([
    [200, {}, { outcome: 'done' }],
    [
      302,
      {},
      { reason: 'it responded with status 302: redirects are not followed', isRefused: true },
    ],
    [400, {}, { reason: 'it responded with status 400', isRefused: true }],
    [408, {}, { reason: 'it responded with status 408' }],
    [410, {}, { reason: 'it responded with status 410', isRefused: true, isFinal: true }],
    [429, { 'retry-after': '120' }, { isTargetDown: true, retryAfterMs: 120_000 }],
    [500, {}, { reason: 'it responded with status 500' }],
    [503, { 'retry-after': 'Fri, 01 Jan 2999 00:00:00 GMT' }, { retryAfterMs: 86_400_000 }],
    [503, { 'retry-after': 'soon' }, { isTargetDown: true }],
  ])('that responds with %i %o', async (status, headers, expected) => {
    const location = { location: '/elsewhere' }
    await using server = await handlerServer((response) =>
      response.writeHead(status, { ...headers, ...location }).end('no'),
    )
    await using target = urlTarget()
    const outcome = await sendTo(target, server.url)
    expect(outcome).toMatchObject(expected)
    const isDown = 'isTargetDown' in outcome
    expect(isDown).toBe([429, 503].includes(status))
    expect(server.requests.map(({ path }) => path)).toEqual(['/'])
  })

  test('in a private network is refused, by name or by number', async () => {
    await using server = await handlerServer()
    await using target = urlTarget({ networks: [] })
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433']) {
      const url = server.url.replace('127.0.0.1', host)
      const outcome = await sendTo(target, url)
      expect(outcome).toMatchObject({ outcome: 'failed', isRefused: true })
      expect(outcome).toHaveProperty('reason', expect.stringContaining('private'))
    }
    expect(server.requests).toEqual([])
  })

  test('that is not there, or does not respond in time, is down', async () => {
    await using target = urlTarget({ timeoutMs: 200 })
    await using silent = await handlerServer(() => undefined)
    for (const url of ['http://127.0.0.1:1/', silent.url])
      expect(await sendTo(target, url)).toMatchObject({ outcome: 'failed', isTargetDown: true })
  })

  test('that responds without end is not read to its end', async () => {
    const closed = Promise.withResolvers<undefined>()
    await using server = await handlerServer((response) => {
      response.on('close', () => {
        closed.resolve(undefined)
      })
      response.writeHead(200)
      const more = (): void => {
        if (!response.destroyed && response.write(Buffer.alloc(65_536))) setImmediate(more)
      }
      response.on('drain', more)
      more()
    })
    await using target = urlTarget()
    expect(await sendTo(target, server.url)).toEqual({ outcome: 'done' })
    await closed.promise
  })

  test('whose query is in the vault gets it, under the id that it always had', async () => {
    await using server = await handlerServer()
    const whole = `url:${server.url}/hook?token=s3cret`
    const stored = `url:${server.url}/hook?token=***#vault-0123`
    const wholes = new Map([[stored, whole]])
    const wholeTarget = (_receiver: string, target: string) => Promise.resolve(wholes.get(target))
    const options = { wholeTarget, signature: signature(), allowedNetworks: loopback, now }
    await using target = new UrlTarget(options)
    const send = async (text: string) =>
      target.dispatch(
        { target: { kind: 'url', url: 'shown' }, claimed: claimedEvent(text) },
        neverAborted(),
      )
    expect(await send(stored)).toEqual({ outcome: 'done' })
    wholes.set(whole, whole)
    await send(whole)
    const ids = server.requests.map(({ path, headers }) => [path, headers['webhook-id']])
    expect(ids[0]).toEqual(['/hook?token=s3cret', ids[1]?.[1]])
    wholes.clear()
    expect(await send(stored)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('give the whole address again') as unknown,
    })
  })

  test('gets nothing unsigned', async () => {
    await using server = await handlerServer()
    const unsigned = signature(null)
    await using target = new UrlTarget({
      ...plain,
      signature: unsigned,
      allowedNetworks: loopback,
      now,
    })
    expect(await sendTo(target, server.url)).toMatchObject({ outcome: 'failed' })
    expect(server.requests).toEqual([])
  })

  test('is told what is a test', async () => {
    await using server = await handlerServer()
    await using target = urlTarget()
    await sendTo(target, server.url, { kind: 'test' })
    await sendTo(target, server.url)
    expect(server.requests.map(({ headers }) => headers['reactor-connect-test'])).toEqual([
      'true',
      undefined,
    ])
  })

  test('gets event types that cannot stand in a header without them', async () => {
    await using server = await handlerServer()
    await using target = urlTarget()
    const unsendable = ['a\r\nx: y', 'two words', 'é', 'x'.repeat(201)]
    for (const eventType of unsendable) await sendTo(target, server.url, { eventType })
    expect(server.requests).toHaveLength(unsendable.length)
    for (const { headers } of server.requests)
      expect(headers).not.toHaveProperty('reactor-event-type')
  })

  test.each([
    [{}, 'application/json'],
    [{ 'content-type': 'text/plain' }, 'text/plain'],
    [{ 'content-type': 'text/é' }, 'application/octet-stream'],
    [{ 'content-type': 'x'.repeat(201) }, 'application/octet-stream'],
  ])('of a sender with the headers %j gets the type %s', async (headers, type) => {
    await using server = await handlerServer()
    await using target = urlTarget()
    await sendTo(target, server.url, { body: Buffer.from('no JSON'), headers })
    expect(server.requests[0]?.headers).toHaveProperty('content-type', type)
  })
})

describe('signing secrets', () => {
  test('are read once for each version', async () => {
    const asked: string[] = []
    const get = (path: string) => {
      asked.push(path)
      return Promise.resolve({ secrets: { dispatch: dispatchSecret }, version: 1 })
    }
    const signer = new StandardSignature({ vault: { get }, now: () => nowMs })
    for (const secretVersion of [1, 1, 2, 2])
      await signer.headers(claimedEvent('job:a', { secretVersion }), Buffer.from('{}'))
    expect(asked).toEqual(['receivers/rcv_1', 'receivers/rcv_1'])
  })

  test('are asked for again when the vault did not have them', async () => {
    const stored = [null, { secrets: { dispatch: dispatchSecret }, version: 1 }]
    const get = () => Promise.resolve(stored.shift() ?? null)
    const signer = new StandardSignature({ vault: { get }, now: () => nowMs })
    expect(await signer.headers(claimedEvent('job:a'), Buffer.from('{}'))).toBeUndefined()
    expect(await signer.headers(claimedEvent('job:a'), Buffer.from('{}'))).toBeDefined()
  })
})

const envelope = {
  target: 'job:work',
  attempt: 2,
  receiver: 'shop',
  webhook: 'events',
  instance: 'stripe-prod',
  delivery_id: 'dlv_01J',
  event_id: 'evt_1',
  event_type: 'charge.paid',
  kind: 'event',
  received_at: '2026-11-28T09:00:00.000Z',
}

describe('a job', () => {
  const work = { kind: 'job', name: 'work' } as const

  test('goes to its handler: signed, with the JSON of the vendor as it came', async () => {
    await using server = await handlerServer()
    const handlers = { work: `${server.url}/work` }
    const target = new JobTarget({ handlers, signature: signature(), now })
    const body = Buffer.from('{"b": 1.0, "a": 12345678901234567890, "b": "\\u00e9"}\n')
    const claimed = claimedEvent('job:work', { body, attempt: 2 })
    expect(await target.dispatch({ target: work, claimed }, neverAborted())).toEqual({
      outcome: 'done',
    })
    const [received] = server.requests
    expect(received !== undefined && isVerified(received, dispatchSecret)).toBe(true)
    const text = received?.body.toString('utf8') ?? ''
    expect(text).toContain(`"body":${body.toString('utf8')}}`)
    const id = received?.headers['webhook-id']
    expect(JSON.parse(text)).toMatchObject({ ...envelope, id, body_encoding: 'json' })
  })

  test.each([['a=b&c=d'], [''], ['{"a":'], ['\ufeff{}'], [Buffer.from([0xff, 0x22])]])(
    'comes in base64 if the body is no JSON: %o',
    async (text) => {
      await using server = await handlerServer()
      const body = Buffer.from(text)
      const target = new JobTarget({ handlers: { work: server.url }, signature: signature(), now })
      await target.dispatch(
        { target: work, claimed: claimedEvent('job:work', { body }) },
        neverAborted(),
      )
      const received: unknown = JSON.parse(server.requests[0]?.body.toString('utf8') ?? '')
      expect(received).toMatchObject({ body_encoding: 'base64', body: body.toString('base64') })
    },
  )

  test('is put into the queue of its name at a Jobs service, once, however often it is sent', async () => {
    await using service = await startJobsService()
    const jobs = new JobsClient({ url: service.url, apiKey: service.apiKey })
    const target = new JobTarget({ handlers: {}, jobs, signature: signature(), now })
    const event = { target: work, claimed: claimedEvent('job:work', { attempt: 2 }) }
    for (let sent = 0; sent < 2; sent++)
      expect(await target.dispatch(event, neverAborted())).toEqual({ outcome: 'done' })
    const [job, ...more] = service.jobsIn('work')
    expect(more).toEqual([])
    expect(job?.payload).toMatchObject({ ...envelope, id: job?.id, body: { n: 1 } })
    expect(service.texts.at(-1)).toContain('"body":{"n": 1.0}\n}')
    expect(target.problem(work)).toBeUndefined()
    expect(target.problem({ kind: 'job', name: 'connect' })?.reason).toContain('runs')
    service.refuse(/work/)
    expect(await target.dispatch(event, neverAborted())).toMatchObject({ isTargetDown: true })
  })

  test('without a handler and a Jobs service waits, and says what to set', () => {
    const target = new JobTarget({ handlers: {}, signature: signature(), now })
    expect(target.problem(work)?.fix).toContain('[connect.jobs.handlers]')
    expect(target.problem({ kind: 'job', name: 'constructor' })).toBeDefined()
    const set = new JobTarget({ handlers: { work: 'http://x' }, signature: signature(), now })
    expect(set.problem(work)).toBeUndefined()
    expect(set.problem({ kind: 'job', name: 'other' })).toBeDefined()
  })
})

describe('a function', () => {
  const resize = { kind: 'function', name: 'resize' } as const

  test('is called with the key of the Functions service', async () => {
    await using server = await handlerServer()
    const target = new FunctionTarget({ url: server.url, apiKey: 'k', now })
    expect(target.problem(resize)).toBeUndefined()
    const claimed = claimedEvent('function:resize')
    await target.dispatch({ target: resize, claimed }, neverAborted())
    const [received] = server.requests
    const sent: unknown = JSON.parse(received?.body.toString('utf8') ?? '')
    expect(sent).toMatchObject({ target: 'function:resize', event_id: 'evt_1' })
    expect(received).toMatchObject({
      ...{ path: '/v1/functions/resize', method: 'POST' },
      headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
    })
    expect(received?.headers['idempotency-key']).toMatch(/^dlv_01J_/)
  })

  test('without a Functions service waits, and says what to set', () => {
    expect(new FunctionTarget({ now }).problem(resize)?.fix).toContain('functions.url')
  })

  test('is aborted with its dispatcher', async () => {
    await using server = await handlerServer(() => undefined)
    const target = new FunctionTarget({ url: server.url, now })
    const stop = new AbortController()
    const claimed = claimedEvent('function:resize')
    const sent = target.dispatch({ target: resize, claimed }, stop.signal)
    stop.abort()
    await expect(sent).rejects.toThrow()
  })
})
