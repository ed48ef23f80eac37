import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { receiverPath } from '../../../../service/webhooks/receivers/contract.ts'
import type { NewStoredReceiver } from '../../../../service/webhooks/receivers/contract.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import { standardRules, standardSecret } from '../../../support/deliveries.ts'
import { newReceiver } from '../../../support/open-test-store.ts'
import { TestApi, type TestApiOptions } from '../../../support/test-api.ts'
import { longTest } from '../../../support/long.ts'

interface Opened extends AsyncDisposable {
  readonly api: TestApi
  readonly token: string
  send(body: string | Buffer, options?: SendOptions): Promise<Sent>
}

interface SendOptions {
  readonly id?: string
  readonly secret?: string
  readonly token?: string
  readonly query?: string
  readonly atMs?: number
  readonly headers?: Readonly<Record<string, string>>
}

interface Sent {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

async function open(
  options: TestApiOptions = {},
  input: Partial<NewStoredReceiver> = {},
): Promise<Opened> {
  const api = await TestApi.start(options)
  const token = randomBytes(32).toString('base64url')
  const { id } = await newReceiver(api.store, 'events', {
    rules: standardRules,
    hasSecret: true,
    tokenHash: createHash('sha256').update(token).digest(),
    ...input,
  })
  await api.vault.put(receiverPath(id), { signing: standardSecret, dispatch: 'x' })
  await api.store.receivers.update('events', { isSecretNew: true })
  const send: Opened['send'] = async (body, given = {}) => {
    const bytes = Buffer.from(body)
    const { secret = standardSecret, atMs = Date.now(), headers = {}, query = '' } = given
    const signed = signedHeaders(standardRules.signature, bytes, {
      secret,
      nowMs: atMs,
      id: given.id ?? 'msg_1',
    })
    const path = `/connect/v1/ingress/${given.token ?? token}${query}`
    const init = { method: 'POST', body: bytes, headers: { ...signed, ...headers } }
    const response = await fetch(`${api.url}${path}`, init)
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  await vi.waitFor(async () => {
    expect(await send('{"type":"warm-up"}', { id: 'warm-up' })).toMatchObject({ status: 200 })
  }, 10_000)
  return { api, token, send, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

const code = ({ body }: Sent): unknown => (body as { error?: { code: string } }).error?.code

async function rows({ api }: Opened): Promise<readonly Record<string, unknown>[]> {
  return api.database.query(
    `SELECT event_id, event_type, kind, headers, convert_from(body, 'UTF8') AS body
     FROM reactor_connect_service.webhook_deliveries WHERE event_id <> 'warm-up' ORDER BY id`,
  )
}

describe('a delivery', () => {
  test('is stored before it is answered, with its bytes, whatever its type', async () => {
    await using opened = await open()
    const body = '{"type":"a","n":1.0,"u":"\\u00e4"}\r\n'
    const types = ['application/json', 'text/xml', 'application/x-www-form-urlencoded', '////', ';']
    for (const [index, type] of types.entries()) {
      const id = `msg_${String(index)}`
      const sent = await opened.send(body, { id, headers: { 'content-type': type } })
      expect(sent).toMatchObject({ status: 200, body: { received: true, repeated: false } })
    }
    const stored = await rows(opened)
    expect(stored.map((row) => [row.event_id, row.event_type, row.body])).toEqual(
      types.map((_, index) => [`msg_${String(index)}`, 'a', body]),
    )
    expect(stored.map((row) => (row.headers as Record<string, string>)['content-type'])).toEqual(
      types,
    )
    expect(Object.keys(stored[0]?.headers ?? {})).not.toContain('webhook-signature')
  })

  test('that comes again is answered alike, one with another body is not', async () => {
    await using opened = await open()
    expect(await opened.send('{"a":1}')).toMatchObject({ status: 200, body: { repeated: false } })
    expect(await opened.send('{"a":1}')).toMatchObject({ status: 200, body: { repeated: true } })
    const conflict = await opened.send('{"a":2}')
    expect([conflict.status, code(conflict)]).toEqual([409, 'delivery_conflict'])
    expect((await rows(opened)).map(({ kind }) => kind)).toEqual(['event', 'suspicious'])
  })

  test('has nothing of the query string', async () => {
    await using opened = await open()
    const query = '?webhook-id=other&type=b&token=x&__proto__[a]=1'
    expect((await opened.send('{"type":"a"}', { query })).status).toBe(200)
    expect(await rows(opened)).toMatchObject([{ event_id: 'msg_1', event_type: 'a' }])
  })

  test('is refused alike for every reason that would tell what exists', async () => {
    await using opened = await open()
    const answers = [
      await opened.send('{}', { token: randomBytes(32).toString('base64url') }),
      await opened.send('{}', { token: 'x' }),
      await opened.send('{}', { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAA' }),
      await opened.send('{}', { headers: { 'webhook-signature': '' } }),
      await opened.send('{}', { headers: { 'webhook-timestamp': 'soon' } }),
    ]
    const seen = answers.map(({ status, body, headers }) => ({
      status,
      body: JSON.stringify(body).replace(/"request_id":"[^"]+"/, ''),
      names: [...headers.keys()].toSorted(),
      length: headers.get('content-length'),
    }))
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1)
    expect(seen[0]?.status).toBe(401)
    expect(answers.map(code)).toEqual(answers.map(() => 'delivery_refused'))
    expect(await rows(opened)).toEqual([])
  })

  test('may have the limit in bytes, and not one more; never a compressed body', async () => {
    await using opened = await open({
      environment: { REACTOR_CONNECT_LIMITS_INGRESS_BYTES: '2000' },
    })
    expect((await opened.send('x'.repeat(2_000))).status).toBe(200)
    const large = await opened.send('x'.repeat(2_001), { id: 'msg_2' })
    expect([large.status, code(large)]).toEqual([413, 'delivery_too_large'])
    expect(large.headers.get('connection')).toBe('close')
    expect(await sendChunked(opened, 'x'.repeat(5_000_000))).toBe(413)
    const packed = await opened.send('{}', { headers: { 'content-encoding': 'gzip' } })
    expect([packed.status, code(packed)]).toEqual([415, 'delivery_encoding_unsupported'])
    expect(
      (await opened.send('{}', { id: 'msg_3', headers: { 'content-encoding': 'identity' } }))
        .status,
    ).toBe(200)
  })

  test('that cannot be made durable is to be sent again', async () => {
    await using opened = await open()
    const { deliveryLog } = opened.api.store
    const append = vi.spyOn(deliveryLog, 'append')
    for (const error of [
      new ConnectError('store_unavailable', { details: { reason: 'at 10.0.0.1' } }),
      new TypeError('a mistake at 10.0.0.1'),
    ]) {
      append.mockRejectedValueOnce(error)
      const sent = await opened.send('{}')
      expect([sent.status, code(sent)]).toEqual([503, 'ingress_unavailable'])
      expect(sent.headers.get('retry-after')).toBe('5')
      expect(JSON.stringify(sent.body)).not.toContain('10.0.0.1')
    }
    expect((await opened.send('{}')).status).toBe(200)
  })

  longTest(
    'counts until it is stored: while PostgreSQL hangs, others are refused at once',
    async () => {
      const bytes = 16 * 1024 * 1024
      await using opened = await open({
        environment: { REACTOR_CONNECT_LIMITS_INGRESS_BYTES: String(bytes) },
      })
      const { deliveryLog } = opened.api.store
      const hanging = Promise.withResolvers<'stored'>()
      const append = vi.spyOn(deliveryLog, 'append').mockReturnValue(hanging.promise)
      const large = Buffer.alloc(bytes)
      // Two large ones are all that an address may have.
      const late = await Promise.all(['msg_1', 'msg_2'].map((id) => opened.send(large, { id })))
      expect(late.map(code)).toEqual(['ingress_unavailable', 'ingress_unavailable'])
      expect(append).toHaveBeenCalledTimes(2)
      const startedMs = performance.now()
      const refused = await opened.send('x'.repeat(20_000), { id: 'msg_3' })
      expect([refused.status, code(refused)]).toEqual([503, 'ingress_unavailable'])
      expect(performance.now() - startedMs).toBeLessThan(8_000)
      expect(append).toHaveBeenCalledTimes(2)
      hanging.resolve('stored')
      append.mockRestore()
      expect((await opened.send('x'.repeat(20_000), { id: 'msg_3' })).status).toBe(200)
    },
  )

  test('leaves no token and no secret in the log', async () => {
    await using opened = await open()
    const { api, token } = opened
    await opened.send('{}')
    await opened.send('{}', { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAA' })
    await api.asked(`GET /ingress/${token}`)
    await api.asked(`POST /ingress/${token}/more`)
    await api.asked(`POST /ingress/${token}`, { body: 'x' })
    const log = api.logLines.join('\n')
    expect(log).toContain('/connect/v1/ingress/:token')
    expect(log).not.toContain(token)
    expect(log).not.toContain(standardSecret.slice(6))
  })
})

describe('limits', () => {
  test('of refusals tell one address to stop, and genuine deliveries from it come in', async () => {
    await using opened = await open({
      environment: { REACTOR_CONNECT_LIMITS_INGRESS_REFUSALS_PER_MINUTE: '3' },
    })
    const statuses: number[] = []
    for (let position = 0; position < 5; position++)
      statuses.push((await opened.send('{}', { token: `x${String(position)}` })).status)
    const forged = await opened.send('{}', { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAA' })
    expect([...statuses, forged.status].slice(-3)).toEqual([429, 429, 429])
    expect(Number(forged.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await opened.send('{}')).status).toBe(200)
  })

  test('of one receiver count its genuine deliveries', async () => {
    await using opened = await open({
      environment: { REACTOR_CONNECT_LIMITS_INGRESS_PER_MINUTE: '3' },
    })
    const statuses: number[] = []
    for (let position = 0; position < 4; position++)
      statuses.push((await opened.send('{}', { id: `msg_${String(position)}` })).status)
    expect(statuses.at(-1)).toBe(429)
    expect((await rows(opened)).length).toBeLessThan(4)
  })
})

describe('a test delivery', () => {
  test('takes the whole road, and is told apart', async () => {
    await using opened = await open()
    const { api } = opened
    const sent = await api.call('POST /receivers/events/test', { body: { order: 1 } })
    expect(sent).toMatchObject({ status: 200, body: { receiver: 'events', kind: 'test' } })
    expect(await rows(opened)).toMatchObject([
      {
        event_id: (sent.body as { event_id: string }).event_id,
        kind: 'test',
        event_type: 'reactor.connect.test',
        body: '{"order":1,"type":"reactor.connect.test"}',
      },
    ])
    expect((await api.call('POST /receivers/events/test')).status).toBe(200)
    const [dispatched] = await api.database.query(
      'SELECT count(*)::integer AS n FROM reactor_connect_service.webhook_dispatches',
    )
    expect(dispatched).toEqual({ n: 3 })
  })

  test('needs a receiver that has a secret, and somebody who may', async () => {
    await using opened = await open()
    const { api } = opened
    const unknown = await api.call('POST /receivers/other/test')
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'receiver_not_found' } } })
    await newReceiver(api.store, 'bare', { rules: standardRules })
    expect(await api.call('POST /receivers/bare/test')).toMatchObject({
      status: 422,
      body: { error: { code: 'receiver_secret_invalid' } },
    })
    const viewer = await api.clientOf({ name: 'viewer', kind: 'viewer' })
    expect((await viewer.call('POST /receivers/events/test')).status).toBe(403)
    expect((await api.call('POST /receivers/events/test', { body: [] })).status).toBe(400)
  })
})

test('a receiver is known with its new address and secret when the answer is there', async () => {
  await using opened = await open()
  const { api } = opened
  const dispatch = [{ target: 'job:work' }]
  const changed = z.object({
    ingress_url: z.string().optional(),
    signing_secret: z.string().nullable(),
  })
  for (const name of ['one', 'two', 'three']) {
    const current = { token: '', secret: '' }
    const change = async (route: string, body: object): Promise<void> => {
      const { ingress_url: url, signing_secret: secret } = changed.parse(
        (await api.call(route, body)).body,
      )
      current.token = url?.split('/').at(-1) ?? current.token
      current.secret = secret ?? current.secret
      const sent = await opened.send('{}', { id: route.replaceAll(/\W/g, '-'), ...current })
      expect(sent.status, route).toBe(200)
    }
    await change('POST /receivers', { name, dispatch })
    await change(`POST /receivers/${name}/rotate-token`, { grace_seconds: 0 })
    await change(`POST /receivers/${name}/secret`, { grace_seconds: 0 })
    expect((await api.call(`DELETE /receivers/${name}`)).status).toBe(204)
    expect((await opened.send('{}', current)).status).toBe(401)
  }
})

test('a receiver that is deleted is unknown in a moment', async () => {
  await using opened = await open()
  await opened.api.store.receivers.delete('events')
  await vi.waitFor(async () => {
    expect((await opened.send('{}')).status).toBe(401)
  }, 10_000)
})

/** Without a Content-Length. */
async function sendChunked({ api, token }: Opened, body: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const sent = httpRequest(`${api.url}/connect/v1/ingress/${token}`, { method: 'POST' })
  sent.on('response', (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  sent.on('error', () => undefined) // The server closes while the body is on its way.
  sent.end(body)
  return promise
}
